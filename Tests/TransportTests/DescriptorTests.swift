//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import CRaySystem
import Glibc
import RayTransport
import Synchronization
import Testing

@Suite("Scarce descriptors", .timeLimit(.minutes(1)))
struct DescriptorTests {
    private final class Machine: Sendable {
        let attempts = Atomic(0)
        let isFull = Atomic(true)
    }

    @Test("Without descriptors a listener waits instead of turning, says so, and goes on when there are some")
    func descriptors() throws {
        let machine = Machine()
        var settings = Endpoint.Settings()
        settings.accept = { listener in
            machine.attempts.add(1, ordering: .relaxed)
            return machine.isFull.load(ordering: .relaxed) ? -EMFILE : ray_accept(listener)
        }
        let (server, client) = (try TestEndpoint(2, settings: settings), try TestEndpoint(1))
        defer {
            client.close()
            server.close()
        }
        try server.endpoint.listen(host: "127.0.0.1", port: 0)
        client.endpoint.connect(to: server.address)
        #expect(server.wait { _ in machine.attempts.load(ordering: .relaxed) >= 3 })
        #expect(machine.attempts.load(ordering: .relaxed) < 10)
        #expect(server.recorder.records.withLock { $0.warnings.count } == 1)
        #expect(server.recorder.records.withLock { $0.warnings.first?.contains("ulimit -n") } == true)
        machine.isFull.store(false, ordering: .relaxed)
        #expect(client.wait { $0.ups.count == 1 })
    }

    @Test("The limit of open files is raised as far as the system allows")
    func limit() {
        ray_raise_descriptor_limit()
        var limit = rlimit()
        #expect(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        #expect(limit.rlim_cur >= min(limit.rlim_max, rlim_t(RAY_DESCRIPTOR_LIMIT_MAX)))
    }
}
