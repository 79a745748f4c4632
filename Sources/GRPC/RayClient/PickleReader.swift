//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import NIOCore

/// Reads a pickle as Python does, on a stack, and makes MessagePack of it on the way.
///
/// Scalars are written in the order in which they come, which is that of MessagePack, too, since nothing is ever taken
/// off the stack but into what lies below it. Only how long a list or a map is comes after it: so that is counted in a
/// table, and put in between at the end.
struct PickleReader {
    /// What is on the stack: its scalars begin at `start`, its lists and maps, it included, at `container`.
    struct Item {
        enum Kind {
            case scalar
            case list
            case map
            case tuple
        }
        let kind: Kind
        let start: Int
        let container: Int
    }

    /// A list or a map.
    struct Container {
        /// Where it begins among the scalars.
        let start: Int
        let kind: PackedKind
        /// How many elements or pairs it has.
        var count = 0
        /// How deep others are nested in it.
        var height = 1
    }

    private static let heightMax = 64
    /// Python's pickler puts a thousand elements on the stack at once, or pairs.
    private static let stackMax = 2048 * heightMax
    /// How much of what is written twice, or as much as some times the pickle.
    private static let repeatedBytes = 1 << 20
    private static let repeatedTimes = 4

    private var rest: ByteBuffer
    private let repeatedMax: Int
    private var repeated = 0
    private var scalars = ByteBuffer()
    private var containers: [Container] = []
    private(set) var stack: [Item] = []
    private var marks: [Int] = []
    /// What may come again: a scalar's bytes, or nothing for lists and maps, which would be the same ones.
    private var memo: [Range<Int>?] = []
    /// The items of tuples; there are two at most, one in the other.
    private(set) var tuples: [[Item]] = []

    init(_ pickle: ByteBuffer) {
        rest = pickle
        repeatedMax = max(Self.repeatedBytes, Self.repeatedTimes * pickle.readableBytes)
    }

    /// Reads all of it; whether it is the pickle of a plain value or of tuples of these, and nothing else.
    mutating func read() -> Bool {
        guard next() == .proto, let version = rest.readInteger(as: UInt8.self), (2...5).contains(version) else {
            return false
        }
        while let opcode = next() {
            if opcode == .stop { return rest.readableBytes == 0 && stack.count == 1 && marks.isEmpty }
            guard follow(opcode), stack.count <= Self.stackMax, marks.count <= Self.stackMax else { return false }
        }
        return false
    }

    /// The value that `item` is, which reaches to where `end` begins, or to the end of all.
    func value(of item: Item, before end: Item? = nil) -> PlainValue {
        let inside = containers[item.container..<(end?.container ?? containers.count)]
        let range = item.start..<(end?.start ?? scalars.writerIndex)
        if inside.isEmpty, let bytes = bytes(in: range) { return .raw(bytes) }
        var packed = ByteBuffer()
        packed.reserveCapacity(range.count + inside.count)
        var position = range.lowerBound
        for container in inside {
            packed.writeImmutableBuffer(slice(position..<container.start))
            packed.writePacked(container.kind, count: container.count)
            position = container.start
        }
        packed.writeImmutableBuffer(slice(position..<range.upperBound))
        return .messagePack(packed)
    }

    /// Whether it is an empty list or map.
    func isEmpty(_ item: Item, _ kind: Item.Kind) -> Bool {
        item.kind == kind && containers[item.container].count == 0
    }

    /// What MessagePack has as bytes.
    private func bytes(in range: Range<Int>) -> ByteBuffer? {
        switch scalars.getInteger(at: range.lowerBound, as: UInt8.self) {
        case PackedKind.bytes.one: slice(range.dropFirst(2))
        case PackedKind.bytes.two: slice(range.dropFirst(3))
        case PackedKind.bytes.four: slice(range.dropFirst(5))
        default: nil
        }
    }

    private func slice(_ range: Range<Int>) -> ByteBuffer {
        scalars.getSlice(at: range.lowerBound, length: range.count) ?? ByteBuffer()
    }

    private mutating func next() -> PickleOpcode? {
        rest.readInteger(as: UInt8.self).flatMap(PickleOpcode.init)
    }
}

// MARK: Scalars

extension PickleReader {
    /// Does what is said; whether there is sense in it.
    private mutating func follow(_ opcode: PickleOpcode) -> Bool {
        switch opcode {
        case .pushNone: scalar { $0.writePackedNone() }
        case .newTrue: scalar { $0.writePacked(true) }
        case .newFalse: scalar { $0.writePacked(false) }
        case .binInt1: number(rest.readInteger(as: UInt8.self))
        case .binInt2: number(rest.readInteger(endianness: .little, as: UInt16.self))
        case .binInt: number(rest.readInteger(endianness: .little, as: Int32.self))
        case .long1: longNumber()
        case .binFloat:
            rest.readInteger(as: UInt64.self).map { bits in
                scalar { $0.writePacked(Double(bitPattern: bits)) }
            } ?? false
        case .shortBinUnicode: text(size(UInt8.self))
        case .binUnicode: text(size(UInt32.self))
        case .binUnicode8: text(size(UInt64.self))
        case .shortBinBytes: bytes(size(UInt8.self))
        case .binBytes: bytes(size(UInt32.self))
        case .binBytes8: bytes(size(UInt64.self))
        case .frame: size(UInt64.self).map { $0 <= rest.readableBytes } ?? false
        case .memoize: put(memo.count)
        case .binPut: put(size(UInt8.self))
        case .longBinPut: put(size(UInt32.self))
        case .binGet: get(size(UInt8.self))
        case .longBinGet: get(size(UInt32.self))
        case .proto, .stop: false
        default: build(opcode)
        }
    }

    private mutating func scalar(_ write: (inout ByteBuffer) -> Void) -> Bool {
        push(.scalar)
        write(&scalars)
        return true
    }

    private mutating func push(_ kind: Item.Kind) {
        stack.append(Item(kind: kind, start: scalars.writerIndex, container: containers.count))
    }

    private mutating func number(_ value: (some FixedWidthInteger)?) -> Bool {
        value.map { value in scalar { $0.writePacked(Int64(value)) } } ?? false
    }

    /// A number of up to eight bytes, or nine if it has no sign.
    private mutating func longNumber() -> Bool {
        guard let size = rest.readInteger(as: UInt8.self), let digits = rest.readBytes(length: Int(size)) else {
            return false
        }
        let isNegative = (digits.last ?? 0) >= 0x80
        let bits = digits.prefix(8).reversed().reduce(isNegative ? UInt64.max : 0) { $0 << 8 | UInt64($1) }
        if size <= 8 { return number(Int64(bitPattern: bits)) }
        return size == 9 && digits.last == 0 && scalar { $0.writePacked(bits) }
    }

    private mutating func text(_ size: Int?) -> Bool {
        guard let text = size.flatMap({ rest.readSlice(length: $0) }), text.string != nil else { return false }
        return scalar {
            $0.writePacked(.text, count: text.readableBytes)
            $0.writeImmutableBuffer(text)
        }
    }

    private mutating func bytes(_ size: Int?) -> Bool {
        guard let bytes = size.flatMap({ rest.readSlice(length: $0) }) else { return false }
        return scalar {
            $0.writePacked(.bytes, count: bytes.readableBytes)
            $0.writeImmutableBuffer(bytes)
        }
    }

    private mutating func size<Number: FixedWidthInteger>(_ type: Number.Type) -> Int? {
        rest.readInteger(endianness: .little, as: type).flatMap { Int(exactly: $0) }
    }

    private mutating func put(_ index: Int?) -> Bool {
        guard let index, index <= memo.count, stack.count > floor, let top = stack.last else { return false }
        let again = top.kind == .scalar ? top.start..<scalars.writerIndex : nil
        if index == memo.count { memo.append(again) } else { memo[index] = again }
        return true
    }

    private mutating func get(_ index: Int?) -> Bool {
        guard let index, index < memo.count, let range = memo[index] else { return false }
        repeated += range.count
        guard repeated <= repeatedMax else { return false }
        push(.scalar)
        let end = scalars.writerIndex
        guard (try? scalars.copyBytes(at: range.lowerBound, to: end, length: range.count)) != nil else { return false }
        scalars.moveWriterIndex(forwardBy: range.count)
        return true
    }
}

// MARK: Lists, maps and tuples

extension PickleReader {
    /// What lies below it on the stack is out of reach, but for the list or map directly below.
    private var floor: Int { marks.last ?? 0 }

    private mutating func build(_ opcode: PickleOpcode) -> Bool {
        switch opcode {
        case .emptyList: open(.list, .list)
        case .emptyDict: open(.map, .map)
        case .append: fill(.list, from: stack.count - 1)
        case .appends: marks.popLast().map { fill(.list, from: $0) } ?? false
        case .setItem: fill(.map, from: stack.count - 2)
        case .setItems: marks.popLast().map { fill(.map, from: $0) } ?? false
        case .emptyTuple: close(from: stack.count)
        case .tuple1: close(from: stack.count - 1)
        case .tuple2: close(from: stack.count - 2)
        case .tuple3: close(from: stack.count - 3)
        case .tuple: marks.popLast().map { close(from: $0) } ?? false
        case .mark: mark()
        default: false
        }
    }

    private mutating func mark() -> Bool {
        marks.append(stack.count)
        return true
    }

    private mutating func open(_ kind: Item.Kind, _ packed: PackedKind) -> Bool {
        push(kind)
        containers.append(Container(start: scalars.writerIndex, kind: packed))
        return true
    }

    /// Puts what is on the stack from `first` on into the list or map below.
    private mutating func fill(_ kind: Item.Kind, from first: Int) -> Bool {
        guard first > floor, stack[first - 1].kind == kind else { return false }
        let count = stack.count - first
        guard kind == .list || count % 2 == 0 else { return false }
        let container = stack[first - 1].container
        for index in first..<stack.count where stack[index].kind != .scalar {
            let isKey = kind == .map && (index - first) % 2 == 0
            guard stack[index].kind != .tuple, !isKey else { return false }
            let height = containers[stack[index].container].height + 1
            guard height <= Self.heightMax else { return false }
            containers[container].height = max(containers[container].height, height)
        }
        containers[container].count += kind == .map ? count / 2 : count
        stack.removeSubrange(first...)
        return true
    }

    /// Makes a tuple of what is on the stack from `first` on.
    private mutating func close(from first: Int) -> Bool {
        guard first >= floor, tuples.count < 2 else { return false }
        let items = Array(stack[first...])
        stack.removeSubrange(first...)
        push(.tuple)
        tuples.append(items)
        return true
    }
}
