//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// What all parts of one encoding share: keys, references found, the first misuse.
final class EncodingShared {
    private(set) var keys: [String] = []
    private var indices: [String: Int] = [:]
    private var expected = 0
    /// References found in values, in order.
    var contained: [ObjectReference] = []
    /// What must not be released before the object has been handed over.
    var keepAlive: [any AnyObject & Sendable] = []
    /// Actors whose handles were found in values.
    var actors: [ActorID] = []
    /// What a non-throwing function of a container could not throw.
    var failure: CodingFailure?

    /// The index of a key in the table.
    ///
    /// Structs of one type come in a row with the same keys, so the next key is usually the expected one.
    func index(of key: String) -> Int {
        if expected < keys.count, keys[expected] == key {
            expected += 1
            return expected - 1
        }
        let index = known(key) ?? keys.count
        if index == keys.count {
            keys.append(key)
            if keys.count > Self.searchedMax { indexKeys() }
        }
        expected = index + 1
        return index
    }

    /// Up to this many keys are searched: most values have few, and a dictionary costs more than it saves.
    private static let searchedMax = 12

    private func known(_ key: String) -> Int? {
        keys.count > Self.searchedMax ? indices[key] : keys.firstIndex(of: key)
    }

    private func indexKeys() {
        for index in indices.count..<keys.count { indices[keys[index]] = index }
    }

    func fail(_ message: String) {
        if failure == nil { failure = CodingFailure(message) }
    }
}

/// The bytes of an encoding, and for each value under way where it began.
///
/// A value is one frame: its containers append to the same bytes. Only containers that outlive the call that made
/// them (`nestedContainer`, `superEncoder`) have a buffer of their own, put in place when their frame ends.
final class EncodingBuffer {
    enum Shape { case undecided, single, keyed, unkeyed }

    struct Frame {
        var start: Int
        var shape = Shape.undecided
        var count = 0
        var children: [(offset: Int, buffer: EncodingBuffer)] = []
    }

    let shared: EncodingShared
    private(set) var bytes: [UInt8] = []
    private(set) var frames: [Frame] = []
    private let depth: Int

    init(shared: EncodingShared, depth: Int) {
        self.shared = shared
        self.depth = depth
        // Most values are small: this spares them the first steps of growth.
        bytes.reserveCapacity(128)
    }

    func append(tag: CodingTag) { bytes.append(tag.rawValue) }

    func append<Number: BitwiseCopyable>(_ value: Number) {
        withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
    }

    func append<Number: TaggedNumber>(tagged value: Number) {
        bytes.append(Number.tag.rawValue)
        withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
    }

    func append(text: String) throws {
        var text = text
        try text.withUTF8 { utf8 in
            guard let count = UInt32(exactly: utf8.count) else {
                throw CodingFailure("a string of 4 GiB or more cannot be sent; split it")
            }
            append(count)
            bytes.append(contentsOf: UnsafeRawBufferPointer(utf8))
        }
    }

    func append(varint value: Int) {
        var rest = UInt64(value)
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    func append(block code: UInt8, _ source: UnsafeRawBufferPointer) {
        append(tag: .block)
        bytes.append(code)
        append(UInt64(source.count))
        bytes.append(contentsOf: source)
    }

    func patch<Number: BitwiseCopyable>(_ value: Number, at offset: Int) {
        bytes.withUnsafeMutableBytes { $0.storeBytes(of: value, toByteOffset: offset, as: Number.self) }
    }

    /// Writes the value if it is a plain number, string or truth value.
    func writeScalar<Value>(_ value: Value) -> Bool {
        func matches<Number: TaggedNumber>(_: Number.Type) -> Bool {
            guard Value.self == Number.self else { return false }
            // The types are the same, so is the representation.
            append(tagged: unsafeBitCast(value, to: Number.self))
            return true
        }
        if matches(Int.self) || matches(Double.self) { return true }
        if Value.self == String.self, let text = value as? String {
            guard text.utf8.count < Int(UInt32.max) else { return false }
            append(tag: .string)
            return (try? append(text: text)) != nil
        }
        if Value.self == Bool.self, let flag = value as? Bool {
            append(tag: flag ? .true : .false)
            return true
        }
        guard MemoryLayout<Value>.size <= 8 else { return false }
        if matches(Float.self) || matches(UInt8.self) || matches(Int32.self) || matches(Int64.self) { return true }
        if matches(UInt64.self) || matches(UInt32.self) || matches(UInt16.self) { return true }
        return matches(Int16.self) || matches(Int8.self) || matches(UInt.self)
    }

    /// Writes any value.
    func write<Value: Encodable>(_ value: Value) throws {
        if writeScalar(value) || NumberBlock.withBytes(of: value, { append(block: $0, $1) }) { return }
        guard depth + frames.count < RayCoder.depthMax else {
            throw CodingFailure("the value is nested deeper than \(RayCoder.depthMax) levels; flatten it")
        }
        let index = frames.count
        let start = bytes.count
        frames.append(Frame(start: start))
        do {
            try value.encode(to: ValueEncoder(buffer: self, frame: index))
            try finish(index)
        } catch {
            // The caller may catch the error and go on: no half of a value must stay.
            if frames.count > index { frames.removeLast(frames.count - index) }
            truncate(to: start)
            throw error
        }
    }

    func truncate(to count: Int) { bytes.removeLast(bytes.count - count) }

    /// Starts the container of a frame, or continues it if the value asks again.
    func begin(_ shape: Shape, in frame: Int) {
        guard frame == frames.count - 1 else {
            shared.fail("an encoder was used after its value had been encoded")
            return
        }
        let current = frames[frame].shape
        guard current == .undecided else {
            if current != shape { shared.fail("a value asked for two kinds of containers") }
            return
        }
        frames[frame].shape = shape
        switch shape {
        case .keyed:
            append(tag: .keyed)
            append(UInt32(0))
        case .unkeyed:
            append(tag: .unkeyed)
            append(UInt32(0))
            append(UInt32(0))
        case .single, .undecided: break
        }
    }

    /// Refuses to write to a container whose value is not the one under way.
    func checkInnermost(_ frame: Int) throws {
        guard frame == frames.count - 1 else {
            throw CodingFailure("a container was used while a value inside it was being encoded, or after its end")
        }
    }

    /// Notes one more element of a frame.
    func countElement(in frame: Int) throws {
        try checkInnermost(frame)
        frames[frame].count += 1
    }

    /// The number of elements written so far.
    func count(in frame: Int) -> Int { frame < frames.count ? frames[frame].count : 0 }

    /// A buffer whose bytes will stand at the present end of the frame; with one frame of its own.
    func makeChild(in frame: Int) -> EncodingBuffer {
        let child = EncodingBuffer(shared: shared, depth: depth + frames.count)
        child.frames.append(Frame(start: 0))
        if frame == frames.count - 1 {
            frames[frame].children.append((bytes.count, child))
        } else {
            shared.fail("a container was used after its value had been encoded")
        }
        return child
    }

    private func finish(_ index: Int) throws {
        guard index == frames.count - 1, let frame = frames.popLast() else {
            throw CodingFailure("an encoder was used after its value had been encoded")
        }
        if !frame.children.isEmpty { try splice(frame) }
        switch frame.shape {
        case .undecided:
            // A value without content, as an empty container.
            append(tag: .keyed)
            append(UInt32(0))
        case .single:
            guard bytes.count > frame.start else { throw CodingFailure("a value encoded nothing") }
        case .keyed, .unkeyed:
            guard let length = UInt32(exactly: bytes.count - frame.start - 5) else {
                throw CodingFailure("a container of 4 GiB or more cannot be sent; split it, or send a plain array")
            }
            patch(length, at: frame.start + 1)
            if frame.shape == .unkeyed { patch(UInt32(clamping: frame.count), at: frame.start + 5) }
        }
    }

    private func splice(_ frame: Frame) throws {
        let own = Array(bytes[frame.start...])
        truncate(to: frame.start)
        var taken = 0
        for child in frame.children {
            let offset = child.offset - frame.start
            bytes.append(contentsOf: own[taken..<offset])
            taken = offset
            guard child.buffer.frames.count == 1 else { throw CodingFailure("a nested container was left unfinished") }
            try child.buffer.finish(0)
            bytes.append(contentsOf: child.buffer.bytes)
        }
        bytes.append(contentsOf: own[taken...])
    }
}
