//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayGCS
import RayWire
import Testing

@Suite struct ClusterStateTests {
    private func ask(
        _ harness: inout GCSHarness, _ operation: KeyValueOperation, _ key: String = "", _ value: String = "",
        namespace: String = "", overwrite: Bool = true
    ) -> KeyValueReply {
        let request = KeyValueRequest(
            operation: operation, namespace: namespace, key: Array(key.utf8), value: Array(value.utf8),
            overwrite: overwrite)
        harness.send(.keyValueRequest(request), requestID: 5, from: driver(1))
        guard case .send(.keyValueReply(let reply), 5, driver(1)) = harness.effects.last else {
            Issue.record("no reply")
            return KeyValueReply(keys: [], count: -1)
        }
        return reply
    }

    @Test("The status of a cluster that asks for no token warns of it", arguments: [true, false])
    func open(_ isOpen: Bool) throws {
        var harness = GCSHarness(isOpen: isOpen)
        harness.startJob(driver: 1)
        harness.send(.queryCluster(QueryCluster()), requestID: 6, from: driver(1))
        guard case .send(.clusterStatus(let status), 6, _) = harness.effects.last else {
            Issue.record("no status")
            return
        }
        #expect(status.warnings.contains { $0.contains("no token") && $0.contains("RAY_AUTH_MODE=token") } == isOpen)
    }

    @Test("Keys are put, found, listed, kept from overwriting and deleted, per namespace")
    func keyValue() {
        var harness = GCSHarness.cluster()
        #expect(ask(&harness, .get, "a").value == nil)
        #expect(ask(&harness, .put, "ab", "1").count == 1)
        #expect(ask(&harness, .put, "ab", "2").count == 0)
        #expect(ask(&harness, .put, "ab", "3", overwrite: false).count == 0)
        #expect(ask(&harness, .put, "aa", "", overwrite: false).count == 1)
        #expect(ask(&harness, .put, "b", "4", namespace: "n").count == 1)
        #expect(ask(&harness, .get, "ab").value == Array("2".utf8))
        #expect(ask(&harness, .get, "ab", namespace: "n").value == nil)
        #expect(ask(&harness, .exists, "aa").count == 1)
        #expect(ask(&harness, .exists, "b").count == 0)
        #expect(ask(&harness, .keys, "a").keys == ["aa", "ab"].map { Key(bytes: Array($0.utf8)) })
        #expect(ask(&harness, .keys, namespace: "n").count == 1)
        #expect(ask(&harness, .delete, "ab").count == 1)
        #expect(ask(&harness, .delete, "ab").count == 0)
        #expect(ask(&harness, .keys, "").count == 1)
    }

    @Test("A key that is too long is answered with an error")
    func keyTooLong() {
        var harness = GCSHarness.cluster()
        let request = KeyValueRequest(
            operation: .put, namespace: "", key: [UInt8](repeating: 1, count: 5_000), value: [], overwrite: true)
        harness.send(.keyValueRequest(request), requestID: 5, from: driver(1))
        guard case .send(.done(let done), 5, driver(1)) = harness.effects.last else {
            Issue.record("no answer")
            return
        }
        #expect(done.error?.type == .invalidArgument)
    }

    @Test("What is published reaches each subscriber once, until it leaves or is lost")
    func pubSub() {
        var harness = GCSHarness.cluster()
        harness.startJob(driver: 2)
        for index: UInt64 in [1, 2, 1] { harness.send(.subscribe(Subscribe(channel: "c")), from: driver(index)) }
        harness.effects = []
        let published = Message.published(Published(channel: "c", payload: [1]))
        harness.send(.publish(Publish(channel: "c", payload: [1])), requestID: 9, from: driver(1))
        #expect(harness.messages(to: driver(1)) == [published, .done(Done())])
        #expect(harness.messages(to: driver(2)) == [published])
        harness.send(.unsubscribe(Unsubscribe(channel: "c")), from: driver(1))
        harness.give(.peerLost(driver(2), reason: "gone"))
        harness.effects = []
        harness.send(.publish(Publish(channel: "c", payload: [1])), from: driver(1))
        #expect(harness.effects.isEmpty)
    }

    @Test("The status shows what waits and why, and dead nodes with their reason")
    func status() {
        var harness = GCSHarness.cluster()
        harness.join(1)
        harness.give(.peerLost(raylet(1), reason: "power cut"))
        for index: UInt32 in 1...3 { harness.request(lease(index), cpus: 8, from: driver(1)) }
        harness.startJob(driver: 2)
        harness.send(.queryCluster(QueryCluster()), requestID: 6, from: driver(1))
        guard case .send(.clusterStatus(let status), 6, driver(1)) = harness.effects.last else {
            Issue.record("no answer")
            return
        }
        #expect(status.nodes.map(\.isAlive) == [true, false])
        #expect(status.nodes[1].deathReason.contains("power cut"))
        #expect(status.demands.map(\.count) == [3])
        #expect(status.demands[0].reason.sentence == "needs 8 CPU; no node has more than 4 CPU")
        #expect(status.jobs == 2)
    }

    @Test("A message that is not for the GCS is answered with an error if an answer is expected")
    func misdirected() {
        var harness = GCSHarness.cluster()
        harness.send(.shutDownNode(ShutDownNode(reason: "")), requestID: 8, from: driver(1))
        guard case .send(.done(let done), 8, driver(1)) = harness.effects.last else {
            Issue.record("no answer")
            return
        }
        #expect(done.error?.type == .invalidArgument)
    }

    @Test("Messages of processes without a link, and of the GCS's own id, are ignored")
    func strangers() {
        var harness = GCSHarness.cluster()
        harness.send(.queryCluster(QueryCluster()), requestID: 8, from: driver(7))
        #expect(harness.effects.isEmpty)
        harness.give(.peerUp(.gcs, role: .driver, address: .none))
        #expect(harness.effects.count == 1)
    }
}
