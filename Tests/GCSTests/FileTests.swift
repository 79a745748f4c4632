//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayGCS
import RayWire
import Testing

/// Executables and packages of the head: who keeps them, and when they go.
@Suite struct FileTests {
    private static let hash = String(repeating: "a", count: 64)
    private static let package = "gcs://_ray_pkg_\(hash).zip"
    /// A package of Ray's Python, whose name is no SHA-256.
    private static let small = "gcs://_ray_pkg_0123456789abcdef.zip"
    private static let module = "gcs://module-1.0-py3-none-any.whl"

    private func deletions(_ harness: GCSHarness) -> [String] {
        harness.effects.compactMap { if case .deleteFile(let name) = $0 { name } else { nil } }
    }

    private func keyValue(
        _ operation: KeyValueOperation, _ key: String, value: [UInt8] = [1], from peer: WorkerID,
        _ harness: inout GCSHarness
    ) -> KeyValueReply? {
        let request = KeyValueRequest(
            operation: operation, namespace: "", key: Array(key.utf8), value: value, overwrite: true)
        harness.send(.keyValueRequest(request), requestID: 9, from: peer)
        return harness.messages(to: peer).compactMap { if case .keyValueReply(let reply) = $0 { reply } else { nil } }
            .last
    }

    private func isThere(_ key: String, _ harness: inout GCSHarness) -> Bool {
        keyValue(.get, key, from: raylet(0), &harness)?.value != nil
    }

    /// Time in which nothing else happens; the invariants are checked at its end.
    private func pass(seconds: Int, _ harness: inout GCSHarness) {
        harness.checksInvariants = false
        harness.wait(milliseconds: seconds * 1_000, reportsOf: [0])
        harness.checksInvariants = true
        harness.give(.tick)
    }

    /// Beyond the grace time.
    private func waitLong(_ harness: inout GCSHarness) { pass(seconds: 602, &harness) }

    private func detached(_ index: UInt64, _ environment: RuntimeEnvironmentSpec) -> ActorSpec {
        var spec = spec(actor(index), lifetime: .detached)
        spec.creation.environment = environment
        return spec
    }

    private func finish(_ harness: inout GCSHarness, driver index: UInt64 = 1) {
        harness.send(.finishJob(FinishJob()), requestID: 1, from: driver(index))
    }

    @Test("A file that nobody took up goes after the grace time; asking for it begins that anew")
    func grace() {
        var harness = GCSHarness.cluster()
        harness.give(.fileStored(hash: Self.hash, by: nil))
        pass(seconds: 599, &harness)
        harness.give(.fileStored(hash: Self.hash, by: raylet(0)))
        pass(seconds: 599, &harness)
        #expect(deletions(harness).isEmpty)
        pass(seconds: 2, &harness)
        #expect(deletions(harness) == [Self.hash])
        #expect(!harness.core.keepsFile(Self.hash))
    }

    @Test("What a job brought stays as long as the job, used or not")
    func heldByJob() {
        var harness = GCSHarness.cluster()
        harness.give(.fileStored(hash: Self.hash, by: driver(1)))
        waitLong(&harness)
        #expect(deletions(harness).isEmpty)
        finish(&harness)
        pass(seconds: 2, &harness)
        #expect(deletions(harness) == [Self.hash])
    }

    @Test("What another job brought stays for the one whose tasks ask for it, and for its program")
    func heldByUser() {
        var harness = GCSHarness.cluster()
        harness.give(.fileStored(hash: Self.hash, by: driver(1)))
        harness.give(.fileStored(hash: "abc", by: driver(1)))
        harness.startJob(driver: 2)
        var request = RequestLease(
            lease: lease(1, of: driver(2)), job: JobID(2), shape: ResourceSet([(ResourceSet.cpu, 1)]),
            strategy: .hybrid, locality: [], owner: address(driver(2), on: 0))
        request.environment = RuntimeEnvironmentSpec(workingDirectory: Self.package)
        harness.send(.requestLease(request), from: driver(2))
        finish(&harness)
        waitLong(&harness)
        #expect(deletions(harness).isEmpty)
        finish(&harness, driver: 2)
        pass(seconds: 2, &harness)
        #expect(deletions(harness) == [Self.hash, "abc"])
    }

    @Test("A detached actor keeps its package and its job's program beyond the job, and nothing else")
    func heldByActor() {
        var harness = GCSHarness.cluster()
        let other = String(repeating: "b", count: 64)
        for hash in [Self.hash, other, "abc"] { harness.give(.fileStored(hash: hash, by: driver(1))) }
        let spec = detached(1, RuntimeEnvironmentSpec(workingDirectory: Self.package))
        harness.live(spec, from: driver(1), worker: 1)
        finish(&harness)
        waitLong(&harness)
        #expect(deletions(harness) == [other])
        harness.send(.killActor(KillActor(actor: spec.id, restart: false)), requestID: 1, from: worker(1))
        pass(seconds: 2, &harness)
        #expect(deletions(harness) == [other, Self.hash, "abc"])
    }

    @Test("What a detached actor's worker brings after the end of its job goes with the actor")
    func heldByOrphans() {
        var harness = GCSHarness.cluster()
        let spec = detached(1, RuntimeEnvironmentSpec())
        harness.live(spec, from: driver(1), worker: 1)
        finish(&harness)
        harness.give(.fileStored(hash: Self.hash, by: worker(1)))
        waitLong(&harness)
        #expect(deletions(harness).isEmpty)
        harness.send(.killActor(KillActor(actor: spec.id, restart: false)), requestID: 1, from: worker(1))
        pass(seconds: 2, &harness)
        #expect(deletions(harness) == [Self.hash])
    }

    @Test("Packages in the key-value store go the same way, and other keys stay")
    func keyValues() {
        var harness = GCSHarness.cluster()
        for key in [Self.small, Self.module, "gcs://mine", "else"] {
            _ = keyValue(.put, key, from: raylet(0), &harness)
        }
        // The driver asks for what its job needs; an actor needs one more.
        _ = keyValue(.exists, Self.small, from: driver(1), &harness)
        let spec = detached(1, RuntimeEnvironmentSpec(packages: [Self.module]))
        harness.live(spec, from: driver(1), worker: 1)
        waitLong(&harness)
        #expect(keyValue(.keys, "gcs://", from: raylet(0), &harness)?.count == 2)
        finish(&harness)
        pass(seconds: 2, &harness)
        #expect(!isThere(Self.small, &harness))
        harness.send(.killActor(KillActor(actor: spec.id, restart: false)), requestID: 1, from: worker(1))
        pass(seconds: 2, &harness)
        #expect(!isThere(Self.module, &harness))
        #expect(isThere("else", &harness))
        #expect(deletions(harness).isEmpty)
    }

    @Test("A name may lead to a file of the archive, which stays as long as the name, and no longer")
    func namesOfFiles() {
        var harness = GCSHarness.cluster()
        let value = ArchivedPackage(sha256: Self.hash).value
        _ = keyValue(.put, Self.small, value: value, from: raylet(0), &harness)
        let refusals = harness.messages(to: raylet(0)).compactMap {
            if case .done(let done) = $0 { done.error } else { nil }
        }
        #expect(refusals.last?.message.contains("send it again") == true)
        #expect(!isThere(Self.small, &harness))
        harness.give(.fileStored(hash: Self.hash, by: raylet(0)))
        #expect(keyValue(.put, Self.small, value: value, from: raylet(0), &harness)?.count == 1)
        // The driver asks for the name alone.
        #expect(keyValue(.exists, Self.small, from: driver(1), &harness)?.count == 1)
        waitLong(&harness)
        #expect(deletions(harness).isEmpty)
        #expect(keyValue(.get, Self.small, from: raylet(0), &harness)?.value == value)
        finish(&harness)
        waitLong(&harness)
        #expect(!isThere(Self.small, &harness))
        #expect(deletions(harness) == [Self.hash])
    }

    @Test("A name whose file a new head has not found counts as absent, and can be given again")
    func lostFile() {
        var harness = GCSHarness.cluster(isDurable: true)
        harness.give(.fileStored(hash: Self.hash, by: nil))
        let value = ArchivedPackage(sha256: Self.hash).value
        _ = keyValue(.put, Self.small, value: value, from: driver(1), &harness)
        harness.restart()
        harness.rejoinNode([])
        harness.rejoinDriver()
        #expect(keyValue(.exists, Self.small, from: driver(1), &harness)?.count == 0)
        #expect(!isThere(Self.small, &harness))
        harness.give(.fileStored(hash: Self.hash, by: raylet(0)))
        #expect(keyValue(.put, Self.small, value: value, from: raylet(0), &harness)?.count == 0)
        #expect(isThere(Self.small, &harness))
    }

    @Test("After a new start of the head files stay with who holds them, and the others have their grace time anew")
    func restart() {
        var harness = GCSHarness.cluster(isDurable: true)
        let (other, lost) = (String(repeating: "b", count: 64), String(repeating: "c", count: 64))
        for hash in [Self.hash, lost] { harness.give(.fileStored(hash: hash, by: driver(1))) }
        harness.give(.fileStored(hash: other, by: nil))
        _ = keyValue(.put, Self.small, from: driver(1), &harness)
        _ = keyValue(.put, Self.module, from: raylet(0), &harness)
        harness.restart()
        for hash in [Self.hash, other] { harness.give(.fileStored(hash: hash, by: nil)) }
        harness.rejoinNode([])
        harness.rejoinDriver()
        pass(seconds: 599, &harness)
        #expect(deletions(harness).isEmpty)
        pass(seconds: 3, &harness)
        #expect(deletions(harness) == [other])
        #expect(keyValue(.keys, "gcs://", from: raylet(0), &harness)?.keys == [Key(bytes: Array(Self.small.utf8))])
        finish(&harness)
        pass(seconds: 2, &harness)
        #expect(deletions(harness) == [other, Self.hash, lost])
        #expect(!isThere(Self.small, &harness))
        // What is gone is gone for the next one, too.
        harness.restart()
        harness.rejoinNode([])
        #expect(!isThere(Self.small, &harness))
        #expect(!harness.core.keepsFile(Self.hash))
    }
}
