//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayGCS
import RayWire
import Testing

/// What `ray list workers` says of processes that are gone.
@Suite struct EndedWorkerTests {
    private func rows(_ harness: inout GCSHarness, alive: Bool = false) -> [[String: StateValue]] {
        harness.give(.peerUp(driver(99), role: .commandLine, address: .none))
        let query = QueryState(
            resource: .workers,
            filters: [StateFilter(key: "is_alive", isNegated: false, value: alive ? "true" : "false")], limit: 5_000,
            isDetailed: true)
        harness.send(.queryState(query), requestID: 1, from: driver(99))
        guard case .stateRows(let list)? = harness.messages(to: driver(99)).last else { return [] }
        return list.rows.map { Dictionary(zip(list.columns, $0)) { first, _ in first } }
    }

    /// How the worker or driver is said to have ended.
    private func end(of id: WorkerID, _ harness: inout GCSHarness) -> (type: StateValue?, detail: String) {
        let row = rows(&harness).first { $0["worker_id"] == .text(id.hex) }
        guard case .text(let detail)? = row?["exit_detail"] else { return (row?["exit_type"], "") }
        return (row?["exit_type"], detail)
    }

    @Test(
        "A worker that crashed is listed with its node, process and last lines; a link that is lost later is no matter")
    func crash() {
        var harness = GCSHarness.cluster()
        harness.request(lease(1), from: driver(1))
        harness.ready(lease(1), worker: 1)
        #expect(rows(&harness).isEmpty && rows(&harness, alive: true).count == 2)
        harness.exit(worker: 1, lease: lease(1), signal: 11, lastLines: ["oh"])
        harness.exit(worker: 1, lease: lease(1), signal: 9)
        for _ in 0..<2 {
            let gone = rows(&harness)
            #expect(gone.count == 1 && gone[0]["worker_type"] == .text("WORKER") && gone[0]["pid"] == .int(101))
            #expect(gone[0]["node_id"] == .text(node(0).hex) && gone[0]["ip"] == .text("h0"))
            #expect(gone[0]["job_id"] == .text(JobID(1).hex))
            let (type, detail) = end(of: worker(1), &harness)
            #expect(type == .text("SYSTEM_ERROR") && detail.contains("SIGSEGV") && detail.contains("oh"))
            harness.give(.peerLost(worker(1), reason: "closed"))
        }
        #expect(rows(&harness, alive: true).count == 1)
    }

    @Test("A worker that ends itself says why, and nobody is told of a crash; of others it cannot say it")
    func forced() {
        for isItself in [true, false] {
            var harness = GCSHarness.cluster()
            harness.request(lease(1), from: driver(1))
            harness.ready(lease(1), worker: 1)
            harness.send(.subscribe(Subscribe(channel: "errors")), from: driver(1))
            harness.effects = []
            let error = RayError(.workerDied, "f was force-killed")
            harness.send(
                .workerKilled(WorkerKilled(worker: worker(1), error: error)),
                from: isItself ? worker(1) : driver(1))
            harness.exit(worker: 1, lease: lease(1), signal: 9)
            let isTold = harness.messages(to: driver(1)).contains { if case .published = $0 { true } else { false } }
            #expect(isTold != isItself)
            let (type, detail) = end(of: worker(1), &harness)
            #expect(type == .text(isItself ? "INTENDED_SYSTEM_EXIT" : "SYSTEM_ERROR"))
            #expect(detail.contains("force-killed") == isItself)
        }
    }

    @Test("A driver, which says hello before it knows its raylet, is on the node of its machine, or on none")
    func driversNode() {
        var harness = GCSHarness.cluster()
        harness.join(1)
        func home(ofDriverOn host: String, _ number: UInt64) -> StateValue? {
            let address = Address(node: .none, worker: driver(number), host: host, port: 1, socketPath: "")
            harness.give(.peerUp(driver(number), role: .driver, address: address))
            return rows(&harness, alive: true).first { $0["worker_id"] == .text(driver(number).hex) }?["node_id"]
        }
        #expect(home(ofDriverOn: "h1", 2) == .text(node(1).hex))
        #expect(home(ofDriverOn: "elsewhere", 3) == .text(NodeID.none.hex))
    }

    @Test("Rows say when processes and nodes came and went, and of SIGKILL what may be behind it")
    func times() {
        func time(_ row: [String: StateValue]?, _ column: String) -> Int {
            if case .int(let value)? = row?[column] { value } else { -1 }
        }
        var harness = GCSHarness.cluster()
        harness.request(lease(1), from: driver(1))
        harness.wait(milliseconds: 2_000, reportsOf: [0])
        harness.ready(lease(1), worker: 1)
        harness.give(.peerUp(worker(1), role: .worker, address: .none))
        let alive = rows(&harness, alive: true).first { $0["worker_id"] == .text(worker(1).hex) }
        let came = time(alive, "start_time_ms")
        #expect(came > 0 && time(alive, "end_time_ms") == 0)
        harness.wait(milliseconds: 3_000, reportsOf: [0])
        harness.give(.peerLost(worker(1), reason: "closed"))
        harness.exit(worker: 1, lease: lease(1), signal: 9)
        let gone = rows(&harness).first
        #expect(time(gone, "start_time_ms") == came && time(gone, "end_time_ms") == came + 3_000)
        #expect(
            end(of: worker(1), &harness).detail.hasSuffix("; the kernel may have ended it for want of memory (OOM)"))
        #expect(time(list(.nodes, &harness).first, "start_time_ms") > 0)
        #expect(time(list(.nodes, &harness).first, "end_time_ms") == 0)
    }

    @Test("What may be behind SIGKILL stands before the last lines, for the owner, too")
    func kernel() {
        var harness = GCSHarness.cluster()
        harness.request(lease(1), from: driver(1))
        harness.ready(lease(1), worker: 1)
        harness.effects = []
        harness.exit(worker: 1, lease: lease(1), signal: 9, lastLines: ["one", "two"])
        let words =
            "(SIGKILL); the kernel may have ended it for want of memory (OOM); its last lines:\n    one\n    two"
        #expect(harness.leaseError?.message.hasSuffix(words) == true)
        #expect(end(of: worker(1), &harness).detail.hasSuffix(words))
    }

    @Test("What a debugger has told of a worker is gone when that has ended") func debuggerNotes() {
        var harness = GCSHarness.cluster(isDurable: true)
        func notes(_ operation: KeyValueOperation, _ worker: WorkerID) -> Int? {
            let request = KeyValueRequest(
                operation: operation, namespace: "swift_ray_debugger", key: worker.bytes, value: [1], overwrite: true)
            harness.send(.keyValueRequest(request), requestID: 9, from: raylet(0))
            return harness.messages(to: raylet(0))
                .compactMap { if case .keyValueReply(let reply) = $0 { reply.count } else { nil } }.last
        }
        harness.request(lease(1), from: driver(1))
        harness.ready(lease(1), worker: 1)
        for id in [worker(1), worker(2)] { #expect(notes(.put, id) == 1) }
        harness.exit(worker: 1, lease: lease(1), signal: 9)
        #expect(notes(.exists, worker(1)) == 0 && notes(.exists, worker(2)) == 1)
        harness.restart()
        harness.rejoinNode([])
        #expect(notes(.exists, worker(1)) == 0 && notes(.exists, worker(2)) == 1)
    }

    @Test("Rows say when actors were alive first, and when they died") func actorTimes() {
        func time(_ row: [String: StateValue]?, _ column: String) -> Int {
            if case .int(let value)? = row?[column] { value } else { -1 }
        }
        var harness = GCSHarness.cluster()
        harness.live(spec(actor(4), cpus: 0), from: driver(1), worker: 4)
        harness.give(.peerUp(driver(99), role: .commandLine, address: .none))
        let began = time(list(.actors, &harness).first, "start_time_ms")
        #expect(began > 0 && time(list(.actors, &harness).first, "end_time_ms") == 0)
        harness.wait(milliseconds: 2_000, reportsOf: [0])
        harness.send(.killActor(KillActor(actor: actor(4), restart: false)), requestID: 1, from: driver(1))
        let row = list(.actors, &harness).first
        #expect(time(row, "start_time_ms") == began && time(row, "end_time_ms") == began + 2_000)
    }

    @Test("An actor whose worker is killed for want of memory ends with that error") func memory() {
        var harness = GCSHarness.cluster()
        let lease = harness.live(spec(actor(4), cpus: 0), from: driver(1), worker: 4)
        let short = RayError(.outOfMemory, "the node was short of memory")
        harness.send(.workerKilled(WorkerKilled(worker: worker(4), error: short)), from: raylet(0))
        harness.exit(worker: 4, lease: lease, signal: 9)
        let dead = harness.updates(of: actor(4), to: driver(1)).last
        #expect(dead?.phase == .dead && dead?.error?.type == .outOfMemory)
        #expect(dead?.error?.message.contains("short of memory") == true)
    }

    private func list(_ resource: StateResource, _ harness: inout GCSHarness) -> [[String: StateValue]] {
        let query = QueryState(resource: resource, filters: [], limit: 10, isDetailed: true)
        harness.send(.queryState(query), requestID: 1, from: driver(99))
        guard case .stateRows(let list)? = harness.messages(to: driver(99)).last else { return [] }
        return list.rows.map { Dictionary(zip(list.columns, $0)) { first, _ in first } }
    }

    @Test("The others are told of processes that died, and not of those that went by themselves")
    func told() {
        var harness = GCSHarness.cluster(cpus: 16)
        func told() -> [[WorkerID]] {
            harness.messages(to: driver(1)).compactMap {
                if case .processesDied(let died) = $0 { died.processes } else { nil }
            }
        }
        let idle = WorkerExited(
            worker: worker(1), lease: nil, processID: 101, exitCode: 0, signal: 0, intended: true, lastLines: [])
        harness.request(lease(1), from: driver(1))
        harness.ready(lease(1), worker: 2)
        harness.send(.workerExited(idle), from: raylet(0))
        #expect(told().isEmpty)
        harness.exit(worker: 2, lease: lease(1), signal: 9)
        #expect(told() == [[worker(2)]])
        harness.exit(worker: 2, lease: lease(1), signal: 9)
        harness.give(.peerLost(worker(2), reason: "closed"))
        #expect(told() == [[worker(2)]])
    }

    @Test("Exits are told apart as in Ray")
    func kinds() {
        var harness = GCSHarness.cluster(cpus: 16)
        // By code 0; idle; for want of memory.
        harness.exit(worker: 1, lease: nil, code: 0)
        let idle = WorkerExited(
            worker: worker(2), lease: nil, processID: 102, exitCode: 0, signal: 9, intended: true, lastLines: [])
        harness.send(.workerExited(idle), from: raylet(0))
        let memory = RayError(.outOfMemory, "the node was short of memory")
        harness.send(.workerKilled(WorkerKilled(worker: worker(3), error: memory)), from: raylet(0))
        harness.exit(worker: 3, lease: nil, signal: 9)
        // Actors: killed, ended by themselves, one whose initialiser threw.
        for index in UInt64(4)...5 { harness.live(spec(actor(index), cpus: 0), from: driver(1), worker: index) }
        harness.send(.killActor(KillActor(actor: actor(4), restart: false)), requestID: 1, from: driver(1))
        harness.send(
            .actorExited(ActorExited(actor: actor(5), incarnation: 0, reason: "it had enough")), from: worker(5))
        harness.send(.createActor(CreateActor(spec: spec(actor(6), cpus: 0))), from: driver(1))
        harness.ready(harness.assigned(actor(6)) ?? .none, worker: 6)
        harness.started(actor(6), worker: 6, error: RayError(.taskExecution, "thrown"))
        for index in UInt64(4)...6 { harness.exit(worker: index, lease: nil, signal: 9) }
        let expected: [(UInt64, String, String)] = [
            (1, "INTENDED_USER_EXIT", "ended with exit code 0"), (2, "INTENDED_SYSTEM_EXIT", "SIGKILL"),
            (3, "NODE_OUT_OF_MEMORY", "short of memory"), (4, "INTENDED_SYSTEM_EXIT", "ray.kill"),
            (5, "INTENDED_USER_EXIT", "it had enough"), (6, "USER_ERROR", "thrown"),
        ]
        for (index, type, words) in expected {
            let end = end(of: worker(index), &harness)
            #expect(end.type == .text(type) && end.detail.contains(words), "\(index): \(end)")
        }
    }

    @Test("Drivers end by themselves or with their link; the workers of a job end with it, those of a node with that")
    func drivers() {
        var harness = GCSHarness.cluster(cpus: 16)
        harness.join(1)
        harness.startJob(driver: 2)
        for (index, owner) in [(UInt64(1), driver(1)), (2, driver(2))] {
            let id = lease(1, of: owner)
            harness.request(id, job: UInt32(index), from: owner)
            harness.ready(id, worker: index)
        }
        harness.send(.finishJob(FinishJob()), requestID: 1, from: driver(1))
        harness.exit(worker: 1, lease: nil, signal: 9)
        harness.give(.peerLost(driver(2), reason: "no sign of life"))
        harness.give(.peerUp(worker(7), role: .worker, address: address(worker(7), on: 1)))
        harness.give(.peerLost(raylet(1), reason: "unplugged"))
        let expected: [(WorkerID, String, String)] = [
            (driver(1), "INTENDED_USER_EXIT", "its program ended"), (driver(2), "SYSTEM_ERROR", "no sign of life"),
            (worker(1), "INTENDED_SYSTEM_EXIT", "its job ended"), (worker(7), "SYSTEM_ERROR", "unplugged"),
        ]
        for (id, type, words) in expected {
            let end = end(of: id, &harness)
            #expect(end.type == .text(type) && end.detail.contains(words), "\(id): \(end)")
        }
        #expect(rows(&harness).first { $0["worker_id"] == .text(driver(1).hex) }?["pid"] == .int(7))
    }

    @Test("The last thousand are remembered, with a bounded detail")
    func bounded() {
        var harness = GCSHarness.cluster()
        harness.checksInvariants = false
        for index in UInt64(1)...1_100 {
            harness.exit(worker: index, lease: nil, lastLines: [String(repeating: "x", count: 5_000)])
        }
        #expect(rows(&harness).count == 1_000)
        #expect(end(of: worker(1), &harness).type == nil)
        let detail = end(of: worker(1_100), &harness).detail
        #expect((2_000..<2_010).contains(detail.utf8.count))
    }
}
