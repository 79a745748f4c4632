//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// Unpacks the deflate format (RFC 1951) in pieces of some 64 KiB.
///
/// Total: any bytes give pieces or `damaged`. What it holds is bounded by two pieces.
struct Inflate {
    enum Failure: Error {
        case damaged
        /// Whoever takes the pieces wants no more.
        case refused(PackageError)
    }

    private enum Block {
        case none
        case stored(Int)
        case coded(Table, Table)
        case end
    }

    private static let windowBytes = 32 << 10
    private static let pieceBytes = 64 << 10

    private let input: ArraySlice<UInt8>
    private var position: Int
    private var bits: UInt64 = 0
    private var bitCount = 0
    private var block = Block.none
    private var isLast = false
    /// What was unpacked last: the window, then what was not given yet from `given` on.
    private var output: [UInt8] = []
    private var given = 0

    init(_ input: ArraySlice<UInt8>) {
        self.input = input
        position = input.startIndex
    }

    /// The next piece; nothing at the end.
    mutating func next() throws(Failure) -> [UInt8]? {
        if given > Self.windowBytes {
            output.removeFirst(given - Self.windowBytes)
            given = Self.windowBytes
        }
        while output.count - given < Self.pieceBytes {
            switch block {
            case .none: try beginBlock()
            case .stored(let rest): try copyStored(rest)
            case .coded(let literals, let distances): try decode(literals, distances)
            case .end:
                guard output.count > given else { return nil }
                return takeOutput()
            }
        }
        return takeOutput()
    }

    private mutating func takeOutput() -> [UInt8] {
        defer { given = output.count }
        return Array(output[given...])
    }

    // MARK: Bits

    private mutating func need(_ count: Int) throws(Failure) {
        while bitCount < count {
            guard position < input.endIndex else { throw .damaged }
            bits |= UInt64(input[position]) << UInt64(bitCount)
            position += 1
            bitCount += 8
        }
    }

    private mutating func take(_ count: Int) throws(Failure) -> Int {
        try need(count)
        let value = Int(bits & ((1 << UInt64(count)) - 1))
        bits >>= UInt64(count)
        bitCount -= count
        return value
    }

    // MARK: Blocks

    private mutating func beginBlock() throws(Failure) {
        if isLast {
            block = .end
            return
        }
        isLast = try take(1) == 1
        switch try take(2) {
        case 0:
            _ = try take(bitCount % 8)
            let count = try take(16)
            guard try take(16) == ~count & 0xffff else { throw .damaged }
            block = .stored(count)
        case 1: block = .coded(Table.fixedLiterals, Table.fixedDistances)
        case 2: block = try dynamicBlock()
        default: throw .damaged
        }
    }

    private mutating func copyStored(_ rest: Int) throws(Failure) {
        var rest = rest
        while rest > 0, output.count - given < Self.pieceBytes {
            output.append(UInt8(try take(8)))
            rest -= 1
        }
        block = rest > 0 ? .stored(rest) : .none
    }

    private mutating func dynamicBlock() throws(Failure) -> Block {
        let literalCount = try take(5) + 257
        let distanceCount = try take(5) + 1
        let lengthCount = try take(4) + 4
        guard literalCount <= 286, distanceCount <= 30 else { throw .damaged }
        let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
        var lengths = [UInt8](repeating: 0, count: 19)
        for index in 0..<lengthCount { lengths[order[index]] = UInt8(try take(3)) }
        let table = try Table(lengths)
        var all: [UInt8] = []
        while all.count < literalCount + distanceCount {
            let symbol = try self.symbol(table)
            let (value, count): (UInt8, Int)
            switch symbol {
            case 16:
                guard let last = all.last else { throw .damaged }
                (value, count) = (last, try take(2) + 3)
            case 17: (value, count) = (0, try take(3) + 3)
            case 18: (value, count) = (0, try take(7) + 11)
            default: (value, count) = (UInt8(symbol), 1)
            }
            guard all.count + count <= literalCount + distanceCount else { throw .damaged }
            all.append(contentsOf: repeatElement(value, count: count))
        }
        guard all[256] > 0 else { throw .damaged }
        return .coded(try Table(Array(all[..<literalCount])), try Table(Array(all[literalCount...])))
    }

    private static let lengthBases = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227,
        258,
    ]
    private static let lengthBits = [
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
    ]
    private static let distanceBases = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
        6145, 8193, 12289, 16385, 24577,
    ]

    private mutating func decode(_ literals: Table, _ distances: Table) throws(Failure) {
        while output.count - given < Self.pieceBytes {
            let symbol = try self.symbol(literals)
            if symbol < 256 {
                output.append(UInt8(symbol))
                continue
            }
            if symbol == 256 {
                block = .none
                return
            }
            guard symbol < 286 else { throw .damaged }
            let length = Self.lengthBases[symbol - 257] + (try take(Self.lengthBits[symbol - 257]))
            let code = try self.symbol(distances)
            guard code < 30 else { throw .damaged }
            let distance = Self.distanceBases[code] + (try take(max(0, code / 2 - 1)))
            guard distance <= output.count else { throw .damaged }
            for _ in 0..<length { output.append(output[output.count - distance]) }
        }
    }

    private mutating func symbol(_ table: Table) throws(Failure) -> Int {
        var code = 0
        var first = 0
        var index = 0
        for length in 1..<table.counts.count {
            code |= try take(1)
            let count = table.counts[length]
            if code - first < count { return Int(table.symbols[index + code - first]) }
            index += count
            first = (first + count) << 1
            code <<= 1
        }
        throw .damaged
    }

    /// A canonical Huffman code: how many codes each length has, and the symbols in the order of their codes.
    struct Table: Sendable {
        let counts: [Int]
        let symbols: [UInt16]

        /// - Throws: `damaged` if more codes are given than there are.
        init(_ lengths: [UInt8]) throws(Failure) {
            var counts = [Int](repeating: 0, count: 16)
            for length in lengths { counts[Int(length)] += 1 }
            counts[0] = 0
            var left = 1
            for length in 1..<16 {
                left = left << 1 - counts[length]
                guard left >= 0 else { throw .damaged }
            }
            self.init(lengths, counts)
        }

        private init(_ lengths: [UInt8], _ counts: [Int]) {
            self.counts = counts
            symbols = (1...15).flatMap { length in
                lengths.indices.filter { lengths[$0] == length }.map { UInt16($0) }
            }
        }

        private init(fixed lengths: [UInt8]) {
            var counts = [Int](repeating: 0, count: 16)
            for length in lengths { counts[Int(length)] += 1 }
            self.init(lengths, counts)
        }

        static let fixedLiterals = Table(
            fixed: (0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 })
        static let fixedDistances = Table(fixed: [UInt8](repeating: 5, count: 30))
    }
}
