//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayRaylet
import RayWire
import Testing

@Suite struct RandomInputTests {
    /// One random step of a raylet's surroundings.
    private static func step(_ harness: inout RayletHarness, _ random: inout SplitMix64, _ processes: inout [Int32]) {
        func pick(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }
        let client = process(1000 + pick(12))
        let id = object(UInt64(pick(6)))
        switch pick(24) {
        case 0, 1: harness.assign(UInt32(pick(12)), job: UInt32(1 + pick(2)), actor: pick(4) == 0 ? ActorID.none : nil)
        case 2: harness.gcs(.releaseLease(ReleaseLease(lease: lease(UInt32(pick(12))), kill: pick(3) == 0)))
        case 3: harness.gcs(.killWorker(KillWorker(lease: lease(UInt32(pick(12))), reason: "r")))
        case 4, 5:
            let starts = harness.wantedStarts
            guard let token = starts.randomElement(using: &random) else { return }
            harness.effects.removeAll {
                if case .spawnWorker(let start) = $0 { start.startToken == token } else { false }
            }
            if pick(5) == 0 {
                harness.give(.spawnFailed(startToken: token, reason: "r"))
            } else {
                processes.append(harness.spawn(token))
                if pick(4) != 0, let last = processes.last { _ = harness.ready(token, last) }
            }
        case 6:
            guard let processID = processes.randomElement(using: &random) else { return }
            processes.removeAll { $0 == processID }
            harness.give(.processExited(processID: processID, ProcessExit(code: 1)))
        case 7: harness.give(.peerLost(client, reason: "r"))
        case 8: _ = harness.driver(1000 + pick(12))
        case 9, 10:
            let create = CreateObject(
                object: id, owner: client, slot: UInt32(pick(3)), dataBytes: pick(99), metadataBytes: 1,
                containedBytes: 0)
            harness.send(.createObject(create), from: client)
        case 11: harness.send(.sealObject(SealObject(object: id)), from: client)
        case 12: harness.send(.abortObject(AbortObject(object: id)), from: client)
        case 13: harness.send(.freeObjects(FreeObjects(objects: [id, object(UInt64(pick(6)))])), from: client)
        case 14, 15:
            let fetch = FetchObject(object: id, owner: client, locations: [place(UInt64(2 + pick(3)))])
            harness.send(.fetchObject(fetch), requestID: random.next(), from: client)
        case 16: harness.give(.peerUp(place(UInt64(2 + pick(3)))))
        case 17: harness.give(.peerLost(raylet(UInt64(2 + pick(3))), reason: "r"))
        case 18, 19:
            guard let pull = harness.pulls.randomElement(using: &random) else { return }
            harness.effects.removeAll { if case .send(.pullChunk, pull.requestID, _) = $0 { true } else { false } }
            let bytes = [UInt8](repeating: 1, count: 20 + pick(2))
            let isHere = pull.pull.offset <= bytes.count
            harness.send(
                isHere ? piece(of: bytes, pull.pull) : .objectLocal(ObjectLocal(object: id)),
                requestID: pull.requestID, from: pull.to)
        case 20:
            let push = PushChunk(
                object: id, owner: client, offset: pick(2) * 8, dataBytes: 16, metadataBytes: 0, containedBytes: 0,
                bytes: [UInt8](repeating: 1, count: 8))
            harness.send(.pushChunk(push), from: client)
        case 21: harness.give(.peerUp(Address(node: node(0), worker: client, host: "h0", port: 2, socketPath: "")))
        case 22: harness.give(.storeClientGone(slot: UInt32(pick(3))))
        default:
            if pick(2) == 0 {
                let jobs = pick(3) == 0 ? [JobID(UInt32(1 + pick(2)))] : []
                harness.gcs(.releaseOwned(ReleaseOwned(workers: [client], jobs: jobs)))
            } else {
                harness.tick(after: pick(6_000))
            }
        }
    }

    @Test("Random inputs keep the invariants", arguments: 0..<60)
    func invariants(seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        var harness = RayletHarness(cpus: 2) { $0.chunkBytes = 8 }
        harness.storeCapacity = 200
        var processes: [Int32] = []
        for _ in 0..<600 {
            Self.step(&harness, &random, &processes)
            if random.next() % 7 == 0 { harness.holdsStoreAnswers = true }
            if random.next() % 5 == 0 { harness.releaseStoreAnswers() }
        }
        harness.releaseStoreAnswers()
    }

    @Test("The same seed gives the same effects")
    func deterministic() {
        func run() -> [RayletEffect] {
            var random = SplitMix64(seed: 4)
            var harness = RayletHarness(cpus: 2) { $0.chunkBytes = 8 }
            var processes: [Int32] = []
            for _ in 0..<400 { Self.step(&harness, &random, &processes) }
            return harness.effects
        }
        #expect(run() == run())
    }
}
