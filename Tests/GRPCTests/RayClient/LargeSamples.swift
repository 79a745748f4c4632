//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import NIOCore
import RayGRPC

/// What `pickle.dumps(…, 5)` makes of a NumPy array, and what it makes of long `bytes`.
struct ArraySample {
    var module = "numpy._core.numeric"
    var type = "u1"
    var order = "|"
    /// What stands in the type's state for names and fields.
    var fields: [UInt8] = [0x4E, 0x4E]
    var shape: [Int]
    /// Whether its lengths are written as those of 2^31 and more are.
    var hasLongShape = false
    var layout = "C"
    var data: [UInt8]
    var isReadOnly = false
    /// Shorter data lie within the pickle's one frame.
    var isShort = false

    init(count: Int) {
        shape = [count]
        data = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 &+ 1) }
    }

    /// What stands before the data and their size.
    var head: [UInt8] { Self.text(module) + [0x94] + Self.text("_frombuffer") + [0x94, 0x93, 0x94, 0x28] }

    /// What stands behind the data.
    var tail: [UInt8] {
        let dtype = [0x94] + Self.text("numpy") + [0x94] + Self.text("dtype") + [0x94, 0x93, 0x94] + Self.text(type)
        let state: [UInt8] = [0x94, 0x89, 0x88, 0x87, 0x94, 0x52, 0x94, 0x28, 0x4B, 3] + Self.text(order)
        let minusOne: [UInt8] = [0x4A, 0xFF, 0xFF, 0xFF, 0xFF]
        let stateEnd = [0x94, 0x4E] + fields + minusOne + minusOne + [0x4B, 0, 0x74, 0x94, 0x62]
        return dtype + state + stateEnd + tuple + Self.text(layout) + [0x94, 0x74, 0x94, 0x52, 0x94, 0x2E]
    }

    /// All of it.
    var pickle: [UInt8] {
        let size = Self.eight(data.count)
        let dataHead =
            !isReadOnly ? [0x96] + size : isShort ? [0x43, UInt8(data.count)] : [0x42] + size.prefix(4)
        if isShort { return [0x80, 5] + Self.frame(head + dataHead + data + tail) }
        return [0x80, 5] + Self.frame(head) + dataHead + data + Self.frame(tail)
    }

    /// The pickle of a list with it, as nobody writes what is in the store.
    var listPickle: [UInt8] {
        let dataHead = data.count < 256 ? [0x43, UInt8(data.count)] : [0x42] + Self.eight(data.count).prefix(4)
        let (before, after) = ([0x5D, 0x94] + head, tail.dropLast() + [0x61, 0x2E])
        if isShort { return [0x80, 5] + Self.frame(before + dataHead + data + after) }
        return [0x80, 5] + Self.frame(before) + dataHead + data + Self.frame(Array(after))
    }

    /// What Python has stored for it: the size of what says where in the list it is, and this; sizes, pickle,
    /// description, elements.
    var storedByPython: [UInt8] {
        let pickle =
            [0x80, 5] + Self.frame([0x5D, 0x94] + head + [0x97, 0x98] + tail.dropFirst().dropLast() + [0x61, 0x2E])
        let description: [UInt8] =
            [0x1A, 10, 0x10] + (0..<9).map { UInt8(truncatingIfNeeded: data.count >> (7 * $0)) | 0x80 }
        let ended = description.dropLast() + [description.last.map { $0 & 0x7F } ?? 0]
        let sizes = Self.eight(pickle.count) + Self.eight(ended.count)
        let before = [3, 0, 0, 0, 0, 0, 0, 0, 0, 0xD4, 101, 0] + sizes + pickle + ended
        return before + Array(repeating: 0, count: (64 - before.count % 64) % 64) + data
            + Array(repeating: 0, count: 64)
    }

    private var tuple: [UInt8] {
        let numbers = shape.flatMap { number -> [UInt8] in
            if hasLongShape { return [0x8A, 5] + Self.eight(number).prefix(5) }
            return number < 1 << 8
                ? [0x4B, UInt8(number)]
                : number < 1 << 16
                    ? [0x4D] + Self.eight(number).prefix(2)
                    : [0x4A] + Self.eight(number).prefix(4)
        }
        switch shape.count {
        case 0: return [0x29]
        case 1...3: return numbers + [0x84 + UInt8(shape.count), 0x94]
        default: return [0x28] + numbers + [0x74, 0x94]
        }
    }

    /// `bytes` with these in it.
    static func bytes(_ data: [UInt8]) -> [UInt8] {
        [0x80, 5, 0x42] + eight(data.count).prefix(4) + data + [0x94, 0x2E]
    }

    static func frame(_ content: [UInt8]) -> [UInt8] { [0x95] + eight(content.count) + content }

    static func eight(_ number: Int) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }

    private static func text(_ text: String) -> [UInt8] { [0x8C, UInt8(text.utf8.count)] + Array(text.utf8) }
}

/// Large values of a store that is only pretended.
enum LargeObjects {
    static func bytes(count: Int) -> LargeValue? {
        value([UInt8](repeating: 7, count: count), metadata: "RAW")
    }

    static func value(_ object: [UInt8], metadata: String, arrays module: String? = arrays) -> LargeValue? {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, object.count), alignment: 64)
        memory.copyBytes(from: object)
        let address = UInt(bitPattern: memory.baseAddress)
        let lent = LentBytes(UnsafeRawBufferPointer(rebasing: memory[..<object.count])) {
            UnsafeMutableRawPointer(bitPattern: address)?.deallocate()
        }
        return LargeValue(lent, metadata: ByteBuffer(string: metadata), arrays: module)
    }
}
