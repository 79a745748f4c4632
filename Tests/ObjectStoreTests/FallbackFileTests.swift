//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import RayCore
import RayObjectStore
import Testing

/// The thread of a raylet's disk, here.
extension TestNode {
    func settle(at now: Int) {
        while true {
            let requests = server.takeSpillRequests()
            guard !requests.isEmpty else { return }
            for request in requests {
                switch request {
                case .reserve(let handle, let range):
                    let failure = range.file.reserve(range.bytes).map { SpillFailure(reason: "error \($0)") }
                    server.receive(.reserved(handle, failure), at: milliseconds(now))
                case .discard(let range): range.file.discard(range.bytes)
                case .write, .read, .delete: Issue.record("this store does not spill")
                }
            }
        }
    }

    /// Creates an object that is larger than the store and writes it; where it is.
    func putLarge(_ number: Int, count: Int) throws {
        #expect(create(objectID(number), size: count, tail: 3, at: number) == nil)
        settle(at: number)
        let offset = try #require(
            server.takeEvents().lazy.compactMap { if case .created(_, _, _, let offset) = $0 { offset } else { nil } }
                .first)
        let layout = try pattern(number, count: count).withUnsafeBytes {
            try first.write(data: $0, metadata: [1, 2, 3], offset: offset)
        }
        server.seal(
            objectID(number), by: first.client, metadataSize: layout.metadataSize, containedSize: 0,
            at: milliseconds(number))
    }

    /// Blocks that the disk has set aside for the file.
    var fileBlockCount: Int {
        var status = stat()
        guard let file = server.fallbackFile, fstat(file.descriptor, &status) == 0 else { return -1 }
        return Int(status.st_blocks)
    }

    /// How often the file is mapped into this process.
    var mappingCount: Int {
        guard let maps = fopen("/proc/self/maps", "r") else { return -1 }
        defer { fclose(maps) }
        var line = [CChar](repeating: 0, count: 4_096)
        var count = 0
        while fgets(&line, Int32(line.count), maps) != nil {
            if String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                .contains(folder + "/ray_fallback_")
            {
                count += 1
            }
        }
        return count
    }
}

@Suite("The fallback file") struct FallbackFileTests {
    @Test("An object larger than the store is written by one process and read in place by another")
    func roundTrip() throws {
        let node = try TestNode(capacity: 64 << 10, hasFile: true)
        try node.putLarge(1, count: 1_000_001)
        #expect(node.mappingCount == 0)
        do {
            let object = try #require(try node.second.lookup(objectID(1)))
            #expect(object.withBytes { Array($0) } == pattern(1, count: 1_000_001))
            #expect(object.withBytes { Int(bitPattern: $0.baseAddress).isMultiple(of: 64) })
            #expect(object.metadata == [1, 2, 3])
            #expect(node.mappingCount == 1)
        }
        #expect(node.mappingCount == 0, "nothing stays mapped that nobody reads")
        // What the raylet sends to other nodes.
        let sent = node.server.withObject(objectID(1)) { bytes, layout in (Array(bytes), layout.totalSize) }
        #expect(sent?.0 == pattern(1, count: 1_000_001) + [1, 2, 3])
        #expect(sent?.1 == 1_000_004)
    }

    @Test("The disk has its blocks back when an object is freed, and not before its readers are done")
    func discards() throws {
        let node = try TestNode(capacity: 64 << 10, hasFile: true)
        try node.putLarge(1, count: 1 << 20)
        try node.putLarge(2, count: 1 << 20)
        #expect(node.fileBlockCount >= (2 << 20) / 512)
        do {
            let object = try #require(try node.second.lookup(objectID(1)))
            node.server.free([objectID(1), objectID(2)], at: milliseconds(10))
            node.settle(at: 10)
            #expect((1...(2 << 20) / 512).contains(node.fileBlockCount))
            #expect(object.withBytes { $0[7] } == pattern(1, count: 8)[7])
        }
        node.server.tick(at: milliseconds(20))
        node.settle(at: 20)
        #expect(node.fileBlockCount == 0)
        #expect(node.mappingCount == 0)
        #expect(node.names.isEmpty, "the file has no name, so nothing is left of it")
    }

    @Test("What is lent from the file to a thread stays there until it is done, though the object is freed")
    func lent() throws {
        let node = try TestNode(capacity: 64 << 10, hasFile: true)
        try node.putLarge(1, count: 1_000_001)
        #expect(try node.put(objectID(2), [1, 2]))
        #expect(node.server.lendFromFile(objectID(2))?.held == nil, "it lies in the arena")
        #expect(node.server.lendFromFile(objectID(3))?.held == nil)
        let lent = try #require(node.server.lendFromFile(objectID(1)))
        #expect(lent.layout == ObjectLayout(dataSize: 1_000_001, metadataSize: 3))
        node.server.free([objectID(1)], at: milliseconds(10))
        node.settle(at: 10)
        let bytes = pattern(1, count: 1_000_001) + [1, 2, 3]
        #expect(node.fileBlockCount > 0 && lent.range.bytes.elementsEqual(bytes))
        for (offset, count) in [(0, 7), (1_000_000, 100), (2_000_000, 1), (-5, 2), (5, -1), (3, Int.max)] {
            let start = min(max(0, offset), bytes.count)
            let wanted = bytes[start...].prefix(max(0, count))
            #expect(lent.range.piece(at: offset, count: count).elementsEqual(wanted), "\(count) at \(offset)")
        }
        node.server.unhold(lent.held, at: milliseconds(20))
        node.server.tick(at: milliseconds(30))
        node.settle(at: 30)
        #expect(node.fileBlockCount == 0)
    }

    @Test("What the raylet brings from another node lies there like the rest")
    func written() throws {
        let node = try TestNode(capacity: 64 << 10, hasFile: true)
        node.server.create(
            ObjectStoreCore.Creation(
                token: 7, id: objectID(7), owner: owner(1), client: .raylet,
                layout: ObjectLayout(dataSize: 300_000, metadataSize: 2), isPrimary: false, deadline: milliseconds(50)),
            at: .zero)
        node.settle(at: 0)
        let bytes = pattern(7, count: 300_000) + [8, 9]
        #expect(node.server.withUnsealed(objectID(7)) { $0.copyBytes(from: bytes) } != nil)
        node.server.seal(objectID(7), by: .raylet, metadataSize: 2, containedSize: 0, at: .zero)
        let object = try #require(try node.first.lookup(objectID(7)))
        #expect(object.withBytes { Array($0) } == pattern(7, count: 300_000) && object.metadata == [8, 9])
    }

    @Test("A process that has not got the file cannot read what is in it, and says so")
    func withoutFile() throws {
        let node = try TestNode(capacity: 64 << 10, hasFile: true)
        try node.putLarge(1, count: 100_000)
        let other = try ObjectStoreClient(
            fileDescriptor: node.server.fileDescriptor, client: node.server.attachClient(processID: 3))
        #expect(throws: ObjectStoreError.self) { try other.lookup(objectID(1)) }
        node.server.free([objectID(1)], at: milliseconds(10))
        node.settle(at: 10)
        #expect(node.fileBlockCount == 0, "its pin is gone")
    }

    @Test("A folder that is not there is an error")
    func noFolder() {
        #expect(throws: ObjectStoreError.self) { try FallbackFile(folder: "/nowhere/\(getpid())") }
    }
}
