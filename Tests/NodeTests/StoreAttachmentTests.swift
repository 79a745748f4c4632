//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import CRaySystem
import Glibc
import RayNode
import RayTransport
import Synchronization
import Testing

@Suite("Handing out the store", .timeLimit(.minutes(1)))
struct StoreAttachmentTests {
    private final class Machine: Sendable {
        let attempts = Atomic(0)
        let scarcity: Atomic<Int32>

        init(_ scarcity: Int32) { self.scarcity = Atomic(scarcity) }

        func accept(_ listener: Int32) -> Int32 {
            attempts.add(1, ordering: .relaxed)
            let code = scarcity.load(ordering: .relaxed)
            return code == 0 ? ray_accept(listener) : -code
        }
    }

    @Test(
        "Without descriptors or memory the store's listener rests instead of turning, and goes on when there are some",
        arguments: [EMFILE, ENFILE, ENOBUFS, ENOMEM])
    func scarcity(code: Int32) throws {
        let machine = Machine(code)
        let watch = try DescriptorWatch()
        defer { watch.stop() }
        let memory = ray_eventfd_create()
        defer { ray_close(memory) }
        let server = StoreAttachmentServer(
            watch: watch, token: Array("token".utf8), storeDescriptors: [memory],
            attach: { _, answer in answer(3, "") }, detach: { _ in }, accept: { machine.accept($0) })
        let path = "/tmp/ray-attachment-" + String(UInt64.random(in: 0 ... .max), radix: 36)
        try server.listen(path: path)
        defer { unlink(path) }
        // A client that only waits, so that somebody stands in the queue.
        let waiting = ray_unix_connect(path)
        defer { ray_close(waiting) }
        let start = ray_monotonic_nanoseconds()
        while machine.attempts.load(ordering: .relaxed) < 3, ray_monotonic_nanoseconds() - start < 10_000_000_000 {
            var nothing = pollfd(fd: waiting, events: Int16(POLLIN), revents: 0)
            poll(&nothing, 1, 10)
        }
        // Three attempts are two rests.
        #expect(machine.attempts.load(ordering: .relaxed) < 10)
        #expect(ray_monotonic_nanoseconds() - start >= 100_000_000)
        machine.scarcity.store(0, ordering: .relaxed)
        let attachment = try attachStore(socketPath: path, token: Array("token".utf8))
        #expect(attachment.slot == 3)
        ray_close(attachment.descriptor)
        ray_close(attachment.connection)
    }
}
