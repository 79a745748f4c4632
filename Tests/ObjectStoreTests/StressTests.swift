//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import CRaySystem
import Glibc
import RayCore
import RayObjectStore
import Synchronization
import Testing

/// What the threads of the stress test share.
private final class Stress: Sendable {
    /// Objects up to this number were sealed.
    let sealed = Atomic<Int>(0)
    let isOver = Atomic<Bool>(false)
    let reads = Atomic<Int>(0)
    let torn = Atomic<Int>(0)
    let errors = Atomic<Int>(0)
}

/// A thread of its own: tasks share a pool of threads, which other tests keep busy.
private final class Reader {
    private var thread: pthread_t = 0

    init(_ body: @escaping @Sendable () -> Void) {
        let argument = Unmanaged.passRetained(Body(body)).toOpaque()
        let status = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, argument)
        precondition(status == 0, "a thread")
    }

    func join() { pthread_join(thread, nil) }

    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
}

@Suite struct StressTests {
    private static let objectsAlive = 40
    private static let size = 4_096

    @Test("Readers never see a wrong byte while objects are freed and made", .timeLimit(.minutes(1)))
    func readersAndServer() throws {
        let node = try TestNode(capacity: 512 << 10, objectsMax: 64)
        let stress = Stress()
        let readers = [node.first, node.second].map { client in
            Reader {
                do { try Self.read(client, stress) } catch { stress.errors.add(1, ordering: .relaxed) }
            }
        }
        defer {
            stress.isOver.store(true, ordering: .sequentiallyConsistent)
            for reader in readers { reader.join() }
            #expect(stress.torn.load(ordering: .relaxed) == 0)
            #expect(stress.errors.load(ordering: .relaxed) == 0)
            #expect(stress.reads.load(ordering: .relaxed) > 100)
        }
        try Self.serve(node, stress)
        node.server.tick(at: milliseconds(1))
        node.server.checkInvariants()
    }

    /// Makes objects and frees old ones for 1.5 seconds; the store is so small that room is reused at once.
    private static func serve(_ node: TestNode, _ stress: Stress) throws {
        let end = ray_monotonic_nanoseconds() + 1_500_000_000
        var number = 0
        while ray_monotonic_nanoseconds() < end {
            number += 1
            if number > objectsAlive { node.server.free([objectID(number - objectsAlive)], at: .zero) }
            node.server.tick(at: .zero)
            let offset = try #require(node.create(objectID(number), size: size))
            let room = try node.first.writableRange(offset: offset, size: size)
            for word in 0..<(size / 8) {
                room.bytes.storeBytes(of: UInt64(number), toByteOffset: word * 8, as: UInt64.self)
            }
            node.server.seal(objectID(number), by: node.first.client, metadataSize: 0, containedSize: 0, at: .zero)
            _ = node.server.takeEvents()
            stress.sealed.store(number, ordering: .releasing)
        }
    }

    /// Looks for recent objects, the oldest of them most likely freed right now, and checks every word.
    private static func read(_ client: ObjectStoreClient, _ stress: Stress) throws {
        var generator = SplitMix64(seed: UInt64(client.client.index) + 1)
        var kept: [PinnedObject] = []
        while !stress.isOver.load(ordering: .relaxed) {
            let newest = stress.sealed.load(ordering: .acquiring)
            guard newest > objectsAlive else { continue }
            let number = newest - Int.random(in: (objectsAlive - 2)...(objectsAlive - 1), using: &generator)
            guard let object = try client.lookup(objectID(number)) else { continue }
            object.withBytes { bytes in
                for word in 0..<(size / 8)
                where bytes.load(fromByteOffset: word * 8, as: UInt64.self) != UInt64(number) {
                    stress.torn.add(1, ordering: .relaxed)
                    break
                }
            }
            stress.reads.add(1, ordering: .relaxed)
            kept.append(object)
            if kept.count > 4 { kept.removeFirst() }
        }
    }
}
