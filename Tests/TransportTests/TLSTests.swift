//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import CRaySystem
import Foundation
import Glibc
import RayCore
import RayTransport
import RayWire
import Synchronization
import Testing

@Suite("TLS", .timeLimit(.minutes(1)))
struct TLSTests {
    private static func file(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
            + "/Fixtures/TLS/\(name)"
    }

    private static func context(_ name: String, authority: String = "authority") throws -> TLSContext {
        try TLSContext(
            certificate: file("\(name).pem"), key: file("\(name).key"), authority: file("\(authority).pem"))
    }

    /// A server and what a client of it reports, which has connected.
    private func withPair(
        server serverTLS: TLSContext?, client clientTLS: TLSContext?, settings: Endpoint.Settings = .init(),
        host: String? = nil, _ body: (_ server: TestEndpoint, _ client: TestEndpoint) throws -> Void
    ) throws {
        let server = try TestEndpoint(2, tls: serverTLS)
        let client = try TestEndpoint(1, settings: settings, tls: clientTLS)
        defer {
            client.close()
            server.close()
        }
        try server.endpoint.listen(host: "127.0.0.1", port: 0)
        var address = server.address
        if let host { address.host = host }
        client.endpoint.connect(to: address)
        try body(server, client)
    }

    @Test("Messages small and large pass both ways, by address and by name", arguments: ["127.0.0.1", "localhost"])
    func messages(host: String) throws {
        try withPair(server: try Self.context("node"), client: try Self.context("node"), host: host) { server, client in
            let large = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            for number in 1...200 as ClosedRange<UInt64> {
                let payload = number % 40 == 0 ? large : Array("hello \(number)".utf8)
                client.endpoint.send(kind: 16, requestID: number, payload: payload, to: server.id)
            }
            #expect(client.wait { $0.messages.count == 200 })
            let messages = client.recorder.records.withLock { $0.messages }
            #expect(messages.map(\.requestID) == Array(1...200))
            #expect(
                messages.allSatisfy {
                    $0.payload == ($0.requestID % 40 == 0 ? large : Array("hello \($0.requestID)".utf8))
                })
        }
    }

    @Test("A link resumes after its connection broke, and nothing is lost")
    func resumption() throws {
        try withPair(server: try Self.context("node"), client: try Self.context("node")) { server, client in
            #expect(client.wait { $0.ups.count == 1 })
            for number in 1...300 as ClosedRange<UInt64> {
                if number % 100 == 50 { client.endpoint.breakConnection(to: server.id) }
                client.endpoint.send(kind: 16, requestID: number, payload: [1, 2, 3], to: server.id)
            }
            #expect(client.wait { $0.messages.count == 300 })
            #expect(client.recorder.records.withLock { $0.messages.map(\.requestID) } == Array(1...300))
        }
    }

    @Test(
        "Certificates of another authority or for another host are refused at once, and the sentence says why",
        arguments: [
            // The server's, as the client judges it.
            ("stranger", "other-authority", "node", "authority", "self-signed certificate in certificate chain"),
            ("elsewhere", "authority", "node", "authority", "IP address mismatch"),
            // The client's, as the server judges it.
            ("node", "authority", "stranger", "authority", "alert"),
        ])
    func refusals(
        server: String, serverAuthority: String, client: String, clientAuthority: String, words: String
    ) throws {
        let serverTLS = try Self.context(server, authority: serverAuthority)
        let clientTLS = try Self.context(client, authority: clientAuthority)
        try withPair(server: serverTLS, client: clientTLS) { server, client in
            #expect(client.wait { !$0.refused.isEmpty })
            let sentence = client.recorder.records.withLock { $0.refused.first ?? "" }
            #expect(sentence.contains(words) && sentence.contains("RAY_TLS_CA_CERT"), "\(sentence)")
            #expect(server.recorder.records.withLock { $0.ups.isEmpty })
        }
    }

    @Test("A process without TLS hears what the cluster wants")
    func plainClient() throws {
        try withPair(server: try Self.context("node"), client: nil) { _, client in
            #expect(client.wait { !$0.refused.isEmpty })
            #expect(client.recorder.records.withLock { $0.refused.first?.contains("RAY_USE_TLS=1") } == true)
        }
    }

    @Test("A process with TLS hears that the cluster may have none")
    func plainServer() throws {
        var settings = Endpoint.Settings()
        settings.acrossNodes.lossMilliseconds = 300
        try withPair(server: nil, client: try Self.context("node"), settings: settings) { _, client in
            #expect(client.wait { !$0.lost.isEmpty })
            #expect(client.recorder.records.withLock { $0.lost.first?.contains("RAY_USE_TLS") } == true)
        }
    }

    @Test("Garbage before and after the handshake's first byte ends its connection and disturbs nobody")
    func garbage() throws {
        try withPair(server: try Self.context("node"), client: try Self.context("node")) { server, client in
            for first in [0x55, 22] as [UInt8] {
                let descriptor = ray_tcp_connect("127.0.0.1", server.address.port)
                defer { ray_close(descriptor) }
                let bytes = [first] + [UInt8](repeating: 0x55, count: 99)
                var isSent = false
                let isClosed = server.reactor.poll(microseconds: 10_000_000) {
                    if !isSent { isSent = ray_socket_send(descriptor, bytes, bytes.count) == 100 }
                    var answer = [UInt8](repeating: 0, count: 64)
                    let count = ray_socket_receive(descriptor, &answer, answer.count)
                    return isSent && (count == 0 || count == -Int(ECONNRESET))
                }
                #expect(isClosed)
            }
            client.endpoint.send(kind: 16, requestID: 1, payload: [1], to: server.id)
            #expect(client.wait { $0.messages.count == 1 })
        }
    }

    @Test("Files that cannot be used are named")
    func files() {
        func reason(_ certificate: String, _ key: String, _ authority: String) -> String {
            do throws(TransportError) {
                _ = try TLSContext(
                    certificate: Self.file(certificate), key: Self.file(key), authority: Self.file(authority))
                return ""
            } catch {
                return "\(error)"
            }
        }
        #expect(reason("missing.pem", "node.key", "authority.pem").contains("missing.pem"))
        #expect(reason("node.pem", "node.pem", "authority.pem").contains("node.pem: it is not the certificate's key"))
        #expect(reason("node.pem", "stranger.key", "authority.pem").contains("stranger.key"))
        #expect(reason("node.pem", "node.key", "node.key").contains("node.key: no certificate"))
        #expect(reason("node.pem", "node.key", "authority.pem").isEmpty)
    }
}
