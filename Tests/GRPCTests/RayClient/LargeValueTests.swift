//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import NIOCore
import RayGRPC
import Testing

@Suite("Large values that a client gets")
struct LargeValueTests {
    private func pickle(_ value: LargeValue) -> [UInt8] {
        (0..<value.partCount).flatMap { value.part($0).readableBytesView }
    }

    private func sample(_ count: Int) -> ArraySample {
        var sample = ArraySample(count: count)
        sample.isShort = count < 65_536
        return sample
    }

    @Test("The pickle of an array that Python has stored", arguments: [1, 255, 256, 65_535, 65_536, 100_000])
    func array(count: Int) throws {
        let value = try #require(LargeObjects.value(sample(count).storedByPython, metadata: "PYTHON"))
        #expect(pickle(value) == sample(count).listPickle && value.byteCount == sample(count).listPickle.count)
    }

    @Test("And of one that was put by a client", arguments: [1, 70_000])
    func ofClient(count: Int) throws {
        let runtime = Runtime()
        let session = ClientSession(of: "client", runtime: runtime, arrays: arrays)
        session.serve(caches: true, authorization: nil)
        _ = try answered(session.take(Requests.put(1, sample(count).pickle)))
        let object = try #require(runtime.rooms.last).bytes
        #expect(pickle(try #require(LargeObjects.value(object, metadata: "PYTHON"))) == sample(count).listPickle)
    }

    @Test(
        "Bytes, in as many parts as Ray makes of them", arguments: [0, 1, 255, 256, 70_000, (10 << 20) - 15, 10 << 20])
    func bytes(count: Int) throws {
        let value = try #require(LargeObjects.bytes(count: count))
        let data = [UInt8](repeating: 7, count: count)
        let head: [UInt8] = count < 256 ? [0x43, UInt8(count)] : [0x42] + ArraySample.eight(count).prefix(4)
        let content = [0x5D, 0x94] + head + data + [0x94, 0x61, 0x2E]
        let expected = [0x80, 5] + (count < 65_536 ? ArraySample.frame(content) : content)
        #expect(pickle(value) == expected)
        #expect(value.partCount == (expected.count + (5 << 20) - 1) / (5 << 20))
        for index in 0..<(value.partCount - 1) { #expect(value.part(index).readableBytes == 5 << 20) }
    }

    @Test("What is no array of numbers, or not all there, is the program's")
    func others() {
        let stored = sample(70_000).storedByPython
        #expect(LargeObjects.value(stored, metadata: "PYTHON", arrays: nil) == nil)
        #expect(LargeObjects.value(stored, metadata: "PYTHON", arrays: "numpy.core.numeric") == nil)
        #expect(LargeObjects.value(stored, metadata: "XLANG") == nil)
        for index in 0..<220 {
            var changed = stored
            changed[index] ^= 0x55
            let value = LargeObjects.value(changed, metadata: "PYTHON")
            // The size of a dimension or of an element may be another one only if the other changes with it.
            if let value { #expect(pickle(value).count == sample(70_000).listPickle.count, "\(index)") }
        }
        for count in [0, 10, 27, 28, 100, 200, 60_000] {
            #expect(LargeObjects.value(Array(stored.prefix(count)), metadata: "PYTHON") == nil)
        }
    }
}
