//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayNode
import RayTransport
import RayWire
import Testing

@Suite("Waiting for messages") struct RendezvousTests {
    private func arrive(_ message: Message, answering request: UInt64, at rendezvous: Rendezvous) {
        message.payload.withUnsafeBytes {
            rendezvous.message(kind: message.kind, requestID: request, payload: $0, from: .gcs)
        }
    }

    @Test("an answer that comes after its request was given up is not taken for the next one's")
    func late() throws {
        let reactor = try Reactor.started()
        defer { reactor.stop() }
        let rendezvous = Rendezvous(reactor: reactor)
        #expect(throws: RayError.self) {
            try rendezvous.message(from: .gcs, at: "here", milliseconds: 5) { $1 == 1 }
        }
        arrive(.done(Done(error: RayError(.systemError, "late"))), answering: 1, at: rendezvous)
        arrive(.done(Done(error: nil)), answering: 2, at: rendezvous)
        let answer = try rendezvous.message(from: .gcs, at: "here", milliseconds: 5_000) { $1 == 2 }
        #expect(answer == .done(Done(error: nil)))
    }

    @Test("A request that is larger than a frame is refused at once, with what helps") func tooLarge() throws {
        let client = try ControlClient(host: "127.0.0.1", port: 1, token: .open)
        let value = [UInt8](repeating: 1, count: Limits.framePayloadBytesMax)
        let request = KeyValueRequest(operation: .put, namespace: "n", key: [1], value: value, overwrite: true)
        let error = #expect(throws: RayError.self) { try client.request(.keyValueRequest(request)) }
        #expect(error?.type == .invalidArgument)
        #expect(error?.message.contains("ray.put()") == true)
    }
}
