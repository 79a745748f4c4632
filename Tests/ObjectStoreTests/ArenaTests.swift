//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import CRaySystem
import Glibc
import RayCore
import RayObjectStore
import Testing

/// From here on copies write past the caches (`ray_copy`).
private let largeCopyBytes = 8 << 20

/// From here on several threads copy.
private let sharedCopyBytes = 32 << 20

@Suite struct ArenaTests {
    @Test("The layout has the sizes that other processes expect")
    func layout() {
        #expect(MemoryLayout<ray_arena_header>.size == 192)
        #expect(MemoryLayout<ray_arena_entry>.size == 128)
        #expect(MemoryLayout<ray_arena_slot>.size == 128)
        #expect(MemoryLayout<ray_arena_entry>.offset(of: \.data_offset) == 40)
        #expect(MemoryLayout<ray_arena_slot>.offset(of: \.pin_high_water) == 64)
    }

    @Test("An object put by one process is read by another")
    func putAndLookup() throws {
        let node = try TestNode(capacity: 1 << 20)
        let data = pattern(5, count: 1_001)
        #expect(try node.second.lookup(objectID(5)) == nil)
        try node.put(objectID(5), data, contained: [1, 2, 3])
        let object = try #require(try node.second.lookup(objectID(5)))
        #expect(object.byteCount == 1_001)
        #expect(object.metadata == ObjectMetadata.raw)
        #expect(object.contained == [1, 2, 3])
        object.withBytes {
            #expect(Array($0) == data)
            #expect(UInt(bitPattern: $0.baseAddress) % 64 == 0)
        }
        let bytes = node.server.withObject(objectID(5)) { bytes, layout in (Array(bytes), layout.metadataSize) }
        #expect(bytes?.0 == data + ObjectMetadata.raw + [1, 2, 3])
        #expect(bytes?.1 == 3)
    }

    @Test("An unsealed or aborted object is not found, and an empty one is")
    func unsealed() throws {
        let node = try TestNode(capacity: 1 << 20)
        _ = node.create(objectID(1), size: 10)
        #expect(try node.first.lookup(objectID(1)) == nil)
        node.server.abort(objectID(1), by: node.first.client, at: .zero)
        #expect(node.server.used == 0)
        try node.put(objectID(2), [], metadata: [])
        #expect(try node.first.lookup(objectID(2))?.byteCount == 0)
    }

    @Test("A freed object stays readable and its room unused until it is let go")
    func freedWhilePinned() throws {
        let node = try TestNode(capacity: 64 << 10)
        let data = pattern(1, count: 40 << 10)
        try node.put(objectID(1), data)
        var object = try node.second.lookup(objectID(1))
        node.server.free([objectID(1)], at: .zero)
        #expect(try node.second.lookup(objectID(1)) == nil)
        #expect(try !node.put(objectID(2), pattern(2, count: 40 << 10)))
        node.server.tick(at: milliseconds(10))
        #expect(node.server.takeEvents().allSatisfy { if case .created = $0 { false } else { true } })
        object?.withBytes { #expect(Array($0) == data) }
        object = nil
        node.server.tick(at: milliseconds(20))
        #expect(
            node.server.takeEvents().contains { if case .created(_, _, objectID(2), _) = $0 { true } else { false } })
        node.server.checkInvariants()
    }

    @Test("An object that is freed between finding and pinning is not read, nor what took its place")
    func freedBeforePin() throws {
        let node = try TestNode(capacity: 64 << 10, objectsMax: 1)
        try node.put(objectID(1), pattern(1, count: 1_000))
        var isFirst = true
        let stale = try node.second.lookup(objectID(1)) {
            guard isFirst else { return }
            isFirst = false
            node.server.free([objectID(1)], at: .zero)
            _ = try? node.put(objectID(2), pattern(2, count: 1_000))
        }
        #expect(stale == nil)
        // The same object made again in the meantime is found, in its new place.
        node.server.free([objectID(2)], at: .zero)
        try node.put(objectID(3), pattern(3, count: 1_000))
        isFirst = true
        let again = try #require(
            try node.second.lookup(objectID(3)) {
                guard isFirst else { return }
                isFirst = false
                node.server.free([objectID(3)], at: .zero)
                _ = try? node.put(objectID(3), pattern(4, count: 1_000))
            })
        again.withBytes { #expect(Array($0) == pattern(4, count: 1_000)) }
        // The pin that came too late does not keep anything.
        node.server.free([objectID(3)], at: .zero)
        #expect(node.server.used > 0)
        withExtendedLifetime(again) {}
    }

    @Test("A dead process's pins, unfinished objects and slot are taken back")
    func clientDied() throws {
        let node = try TestNode(capacity: 64 << 10)
        try node.put(objectID(1), pattern(1, count: 1_000))
        let object = try node.second.lookup(objectID(1))
        _ = node.create(objectID(2), size: 1_000, by: node.second)
        node.server.free([objectID(1)], at: .zero)
        #expect(node.server.used > 0)
        node.server.detachClient(node.second.client, at: .zero)
        #expect(node.server.used == 0)
        #expect(throws: ObjectStoreError.detached) { try node.second.lookup(objectID(1)) }
        #expect(!node.server.isAttached(node.second.client))
        withExtendedLifetime(object) {}
        node.server.checkInvariants()
    }

    @Test("Slots and pins are limited, with an error that says so")
    func limits() throws {
        let node = try TestNode(capacity: 1 << 20, pinsPerClient: 8)
        try node.put(objectID(1), [1])
        var objects = try (0..<8).map { _ in try node.first.lookup(objectID(1)) }
        #expect(throws: ObjectStoreError.pinsExhausted(8)) { try node.first.lookup(objectID(1)) }
        objects.removeLast()
        #expect(try node.first.lookup(objectID(1)) != nil)
        _ = try node.server.attachClient(processID: 3)
        _ = try node.server.attachClient(processID: 4)
        #expect(throws: ObjectStoreError.slotsExhausted(4)) { try node.server.attachClient(processID: 5) }
    }

    @Test("Twenty thousand puts of one megabyte go through a store of 64 MB")
    func recycles() throws {
        let node = try TestNode(capacity: 64 << 20)
        let size = 1 << 20
        for number in 0..<20_000 {
            let offset = try #require(node.create(objectID(number), size: size - 64))
            let room = try node.first.writableRange(offset: offset, size: size - 64)
            room.bytes.storeBytes(of: UInt64(number), as: UInt64.self)
            room.bytes.storeBytes(of: UInt64(number), toByteOffset: size - 72, as: UInt64.self)
            node.server.seal(objectID(number), by: node.first.client, metadataSize: 0, containedSize: 0, at: .zero)
            _ = node.server.takeEvents()
            if number >= 50 { node.server.free([objectID(number - 50)], at: .zero) }
            let object = try #require(try node.second.lookup(objectID(max(0, number - 25))))
            object.withBytes {
                #expect($0.load(as: UInt64.self) == UInt64(max(0, number - 25)))
            }
        }
        node.server.checkInvariants()
        #expect(node.server.objectCount == 50)
    }

    @Test("Incoming objects are written by the raylet, and pages are made ready ahead")
    func rayletWrites() throws {
        let node = try TestNode(capacity: 8 << 20)
        #expect(node.server.prepareAhead() == 0)
        node.server.create(
            ObjectStoreCore.Creation(
                token: 1, id: objectID(1), owner: owner(1), client: .raylet,
                layout: ObjectLayout(dataSize: 4, metadataSize: 3), isPrimary: false, deadline: .zero),
            at: .zero)
        let written: Void? = node.server.withUnsealed(objectID(1)) { $0.copyBytes(from: [1, 2, 3, 4, 82, 65, 87]) }
        #expect(written != nil)
        node.server.seal(objectID(1), by: .raylet, metadataSize: 3, containedSize: 0, at: .zero)
        #expect(try node.first.lookup(objectID(1))?.metadata == ObjectMetadata.raw)
        #expect(node.server.prepareAhead(bytesMax: 1 << 20) >= 0)
        let held = try #require(node.server.hold(objectID(1)))
        node.server.free([objectID(1)], at: .zero)
        #expect(node.server.withHeld(held) { bytes, _ in bytes[3] } == 4)
        node.server.unhold(held, at: .zero)
        #expect(node.server.used == 0)
    }
}

@Suite struct DamagedArenaTests {
    @Test("A damaged header is refused", arguments: [0, 8, 16, 32, 40, 48, 56, 64, 72, 76, 80, 84, 88, 92])
    func header(offset: Int) throws {
        let node = try TestNode(capacity: 1 << 20)
        damage(node.server.fileDescriptor) { base, _ in
            let old = base.load(fromByteOffset: offset, as: UInt32.self)
            base.storeBytes(of: old &+ 0x0100_0000, toByteOffset: offset, as: UInt32.self)
        }
        #expect(throws: ObjectStoreError.self) {
            try ObjectStoreClient(fileDescriptor: node.server.fileDescriptor, client: node.first.client)
        }
    }

    @Test("Another layout version is refused by name")
    func version() throws {
        let node = try TestNode(capacity: 1 << 20)
        damage(node.server.fileDescriptor) { base, _ in
            base.storeBytes(of: UInt32(99), toByteOffset: 8, as: UInt32.self)
        }
        let error = #expect(throws: ObjectStoreError.self) {
            try ObjectStoreClient(fileDescriptor: node.server.fileDescriptor, client: node.first.client)
        }
        #expect(error?.description.contains("layout version is 99") == true)
    }

    @Test("An entry that points outside the data is an error, not a fault", arguments: [40, 48, 56])
    func entry(field: Int) throws {
        let node = try TestNode(capacity: 1 << 20)
        try node.put(objectID(1), pattern(1, count: 100))
        damage(node.server.fileDescriptor) { base, header in
            base.storeBytes(
                of: UInt64.max - 63, toByteOffset: Int(header.entries_offset) + field, as: UInt64.self)
        }
        #expect(throws: ObjectStoreError.self) { try node.second.lookup(objectID(1)) }
        // The pin that was taken on the way was given back, and the raylet goes by its own books.
        node.server.free([objectID(1)], at: .zero)
        #expect(node.server.used == 0)
    }

    @Test("Chains that leave the table or run in circles are errors")
    func chains() throws {
        let node = try TestNode(capacity: 1 << 20)
        try node.put(objectID(1), [1])
        damage(node.server.fileDescriptor) { base, header in
            let buckets = base + Int(header.buckets_offset)
            for bucket in 0..<Int(header.bucket_count) {
                buckets.storeBytes(of: 1, toByteOffset: bucket * 4, as: UInt32.self)
            }
            base.storeBytes(of: 1, toByteOffset: Int(header.entries_offset) + 36, as: UInt32.self)
        }
        #expect(throws: ObjectStoreError.corrupt("a chain has a loop")) { try node.second.lookup(objectID(2)) }
        damage(node.server.fileDescriptor) { base, header in
            base.storeBytes(of: UInt32.max, toByteOffset: Int(header.entries_offset) + 36, as: UInt32.self)
        }
        #expect(throws: ObjectStoreError.self) { try node.second.lookup(objectID(2)) }
        node.server.free([objectID(1)], at: .zero)
        node.server.checkInvariants()
    }

    @Test("Senseless pins and counts in a slot neither stop nor mislead the raylet")
    func slot() throws {
        let node = try TestNode(capacity: 1 << 20)
        try node.put(objectID(1), [1])
        damage(node.server.fileDescriptor) { base, header in
            let slot = base + Int(header.slots_offset)
            slot.storeBytes(of: UInt64.max, toByteOffset: 64, as: UInt64.self)
            for pin in 0..<Int(header.pins_per_slot) {
                slot.storeBytes(of: UInt64.max - UInt64(pin), toByteOffset: 128 + pin * 8, as: UInt64.self)
            }
        }
        node.server.free([objectID(1)], at: .zero)
        #expect(node.server.used == 0)
    }

    @Test("Memory that is no arena, or could shrink, is refused")
    func foreign() throws {
        let foreign = ray_memfd_create("test", 8_192)
        defer { ray_close(foreign) }
        #expect(throws: ObjectStoreError.self) {
            try ObjectStoreClient(fileDescriptor: foreign, client: StoreClient(index: 0))
        }
        #expect(throws: ObjectStoreError.self) {
            try ObjectStoreClient(fileDescriptor: -1, client: StoreClient(index: 0))
        }
        let node = try TestNode(capacity: 1 << 20)
        #expect(throws: ObjectStoreError.self) {
            try ObjectStoreClient(fileDescriptor: node.server.fileDescriptor, client: StoreClient(index: 99))
        }
        #expect(throws: ObjectStoreError.outOfRange(offset: 1 << 20, size: 1)) {
            try node.first.writableRange(offset: 1 << 20, size: 1)
        }
        #expect(throws: ObjectStoreError.self) { try node.first.writableRange(offset: -64, size: 64) }
    }
}

@Suite struct DescriptorPassingTests {
    @Test("The arena is handed over a Unix socket and mapped at the other end")
    func passes() throws {
        let node = try TestNode(capacity: 1 << 20)
        try node.put(objectID(1), pattern(1, count: 500))
        var pair: [Int32] = [-1, -1]
        #expect(ray_pair_create(&pair) == 0)
        let (near, far) = (pair[0], pair[1])
        defer {
            ray_close(near)
            ray_close(far)
        }
        let hello: [UInt8] = [4, 2]
        #expect(ray_send_fds(near, [node.server.fileDescriptor], 1, hello, hello.count) == 0)
        var buffer = [UInt8](repeating: 0, count: 16)
        var count = 0
        var descriptors: [Int32] = [-1]
        #expect(ray_recv_fds(far, &descriptors, 1, &buffer, buffer.count, &count) == 1)
        let received = descriptors[0]
        #expect(Array(buffer[..<count]) == hello)
        let client = try ObjectStoreClient(fileDescriptor: received, client: node.second.client)
        ray_close(received)
        #expect(try client.lookup(objectID(1))?.byteCount == 500)
    }

    @Test("A closed socket is an error, not a wait")
    func closed() {
        var pair: [Int32] = [-1, -1]
        #expect(ray_pair_create(&pair) == 0)
        let (near, far) = (pair[0], pair[1])
        ray_close(near)
        var byte: UInt8 = 0
        var count = 0
        var descriptor: Int32 = -1
        #expect(ray_recv_fds(far, &descriptor, 1, &byte, 1, &count) < 0)
        ray_close(far)
    }

    @Test(
        "A copy is exact and touches nothing beside it",
        arguments: [
            0, 1, 65, largeCopyBytes - 1, largeCopyBytes, largeCopyBytes + 3, largeCopyBytes + 76, sharedCopyBytes,
            2 * sharedCopyBytes + 16_461,
        ], [3, 16])
    func copy(count: Int, place: Int) {
        let source = [UInt8](unsafeUninitializedCapacity: count) { bytes, written in
            // Of no period: a block from another place would differ.
            for index in 0..<count { bytes[index] = UInt8(truncatingIfNeeded: (index &* 0x9e37_79b9) >> 24) }
            written = count
        }
        var target = [UInt8](repeating: 0xee, count: count + 2 * place)
        target.withUnsafeMutableBytes { target in
            source.withUnsafeBytes { source in ray_copy(target.baseAddress! + place, source.baseAddress!, count) }
        }
        #expect(target[place..<count + place].elementsEqual(source))
        #expect((target.prefix(place) + target.suffix(place)).allSatisfy { $0 == 0xee })
    }

    @Test("A node serves a thousand processes, whose slots take little memory")
    func manyClients() throws {
        let server = try ObjectStoreServer(ObjectStoreServer.Configuration(capacity: 1 << 20), nonce: 7)
        var before = stat()
        #expect(fstat(server.fileDescriptor, &before) == 0)
        let clients = try (1...1_000).map { try server.attachClient(processID: $0) }
        #expect(Set(clients.map(\.index)).count == 1_000)
        var after = stat()
        #expect(fstat(server.fileDescriptor, &after) == 0)
        #expect((after.st_blocks - before.st_blocks) * 512 <= 1_000 * 3 * 4_096)
        let last = try ObjectStoreClient(
            fileDescriptor: server.fileDescriptor, fallbackDescriptor: nil, client: try #require(clients.last))
        #expect(try last.lookup(objectID(1)) == nil)
        for client in clients { server.detachClient(client, at: .zero) }
        #expect(try server.attachClient(processID: 1).index < 4_096)
    }
}
