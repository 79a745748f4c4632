//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayWire
import Testing

@Suite("Hello")
struct HelloTests {
    private func hello(token: [UInt8] = [], versions: ClosedRange<UInt16> = 1...1) -> Hello {
        let node = NodeID(raylet: WorkerID(9, 8, 7, 6))
        let address = Address(node: node, worker: WorkerID(1, 2, 3, 4), host: "h", port: 9, socketPath: "/s")
        var hello = Hello(
            role: .raylet, identity: WorkerID(1, 2, 3, 4), incarnation: 77, address: address, session: "session",
            token: token, versions: versions)
        hello.link = 5
        hello.highestReceived = 6
        hello.isResumption = true
        return hello
    }

    private func judge(_ policy: HelloPolicy, _ hello: Hello) -> Result<(Hello, UInt16), Refusal.Failure> {
        var writer = WireWriter()
        hello.write(to: &writer)
        return writer.bytes.withUnsafeBytes { policy.judge($0) }
    }

    @Test("Hello, welcome and refusal come back as they were written")
    func roundTrip() throws {
        var writer = WireWriter()
        Welcome(version: 1, hello: hello(token: [1, 2])).write(to: &writer)
        Refusal(.version, "no").write(to: &writer)
        try writer.bytes.withUnsafeBytes { bytes in
            var reader = WireReader(bytes)
            let welcome = try Welcome(from: &reader)
            #expect(welcome == Welcome(version: 1, hello: hello(token: [1, 2])))
            let refusal = try Refusal(from: &reader)
            #expect(refusal == Refusal(.version, "no"))
            #expect(reader.isAtEnd)
        }
    }

    @Test("The highest common version is chosen")
    func versions() throws {
        let (_, version) = try judge(HelloPolicy(token: nil, versions: 2...5), hello(versions: 1...3)).get()
        #expect(version == 3)
        #expect(throws: Refusal.Failure.self) {
            try judge(HelloPolicy(token: nil, versions: 4...5), hello(versions: 1...3)).get()
        }
    }

    @Test("A missing token names the remedy, a wrong one is refused, the right one passes")
    func tokens() throws {
        let policy = HelloPolicy(token: Array("secret".utf8))
        guard case .failure(let missing) = judge(policy, hello()) else { return #expect(Bool(false)) }
        #expect(missing.refusal.code == .tokenMissing)
        #expect(missing.refusal.sentence.contains("RAY_AUTH_TOKEN_PATH"))
        for wrong in ["secrets", "secre", "Secret", "secretsecret", "x"] {
            guard case .failure(let failure) = judge(policy, hello(token: Array(wrong.utf8))) else {
                return #expect(Bool(false))
            }
            #expect(failure.refusal.code == .tokenWrong)
        }
        #expect(try judge(policy, hello(token: Array("secret".utf8))).get().0.incarnation == 77)
    }

    @Test("The token is judged before anything else is read")
    func tokenFirst() {
        let policy = HelloPolicy(token: Array("secret".utf8))
        var writer = WireWriter()
        writer.write(Array("wrong".utf8))
        writer.write(UInt64.max)
        guard case .failure(let failure) = writer.bytes.withUnsafeBytes({ policy.judge($0) }) else {
            return #expect(Bool(false))
        }
        #expect(failure.refusal.code == .tokenWrong)
    }

    @Test("A hello of any bytes is read or refused", arguments: 0..<200 as Range<UInt64>)
    func fuzz(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var writer = WireWriter()
        hello().write(to: &writer)
        var bytes = writer.bytes
        for _ in 0..<4 {
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        bytes.removeLast(Int.random(in: 0...10, using: &random))
        _ = bytes.withUnsafeBytes { HelloPolicy(token: nil).judge($0) }
    }
}
