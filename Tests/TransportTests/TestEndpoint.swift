//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import RayCore
import RayTransport
import RayWire
import Synchronization

/// Records what an endpoint reports; answers messages of kind 16 with the same bytes as kind 17.
final class Recorder: EndpointHandler {
    struct Records {
        var ups: [Hello] = []
        var messages: [(kind: UInt16, requestID: UInt64, payload: [UInt8])] = []
        /// How many messages there were whenever those that had come together were told.
        var counts: [Int] = []
        var lost: [String] = []
        var refused: [String] = []
        var warnings: [String] = []
    }

    let records = Mutex(Records())
    let endpoint = Mutex<Endpoint?>(nil)
    let keepsPayloads: Bool

    init(keepsPayloads: Bool = true) { self.keepsPayloads = keepsPayloads }

    func peerUp(_ peer: WorkerID, _ hello: Hello) { records.withLock { $0.ups.append(hello) } }

    func message(kind: UInt16, requestID: UInt64, payload: UnsafeRawBufferPointer, from peer: WorkerID) {
        records.withLock { $0.messages.append((kind, requestID, keepsPayloads ? Array(payload) : [])) }
        if kind == 16 {
            let endpoint = endpoint.withLock { $0 }
            endpoint?.send(kind: 17, requestID: requestID, payload: payload, to: peer)
        }
    }

    func messagesEnd() { records.withLock { $0.counts.append($0.messages.count) } }

    func peerLost(_ peer: WorkerID, _ reason: String) { records.withLock { $0.lost.append(reason) } }

    func refused(_ peer: WorkerID, _ address: Address, _ reason: String) {
        records.withLock { $0.refused.append(reason) }
    }

    func warn(_ text: String) { records.withLock { $0.warnings.append(text) } }
}

/// An endpoint with its own reactor, as a process of its own would have.
final class TestEndpoint: Sendable {
    let reactor: Reactor
    let endpoint: Endpoint
    let recorder: Recorder
    let id: WorkerID

    convenience init(
        _ number: UInt64, node: UInt64 = 1, token: String = "", isTokenWanted: Bool = false,
        versions: ClosedRange<UInt16> = 1...1, incarnation: UInt64 = 1, keepsPayloads: Bool = true,
        settings: Endpoint.Settings = Endpoint.Settings(), tls: TLSContext? = nil
    ) throws {
        try self.init(
            id: WorkerID(number, 0, 0, 0), node: node, token: token, isTokenWanted: isTokenWanted, versions: versions,
            incarnation: incarnation, keepsPayloads: keepsPayloads, settings: settings, tls: tls)
    }

    init(
        id: WorkerID, node: UInt64 = 1, token: String = "", isTokenWanted: Bool = false,
        versions: ClosedRange<UInt16> = 1...1, incarnation: UInt64 = 1, keepsPayloads: Bool = true,
        settings: Endpoint.Settings = Endpoint.Settings(), tls: TLSContext? = nil
    ) throws {
        self.id = id
        let address = Address(
            node: NodeID(raylet: WorkerID(node, 9, 9, 9)), worker: id, host: "", port: 0, socketPath: "")
        reactor = try Reactor()
        recorder = Recorder(keepsPayloads: keepsPayloads)
        endpoint = Endpoint(
            Hello(role: .worker, identity: id, incarnation: incarnation, address: address, versions: versions),
            credentials: Credentials(
                token: Array(token.utf8), source: "a test", isTokenWanted: isTokenWanted, tls: tls),
            settings: settings, reactor: reactor, handler: recorder)
        recorder.endpoint.withLock { $0 = endpoint }
        try reactor.start()
    }

    /// Where others find this endpoint.
    var address: Address { endpoint.hello.address }

    /// Polls until the records satisfy `condition`; false after ten seconds.
    func wait(_ condition: (Recorder.Records) -> Bool) -> Bool {
        reactor.poll(microseconds: 10_000_000) { recorder.records.withLock { condition($0) } }
    }

    func close() {
        endpoint.shutdown(reason: "the test ends")
        recorder.endpoint.withLock { $0 = nil }
        reactor.stop()
    }
}

/// A folder of its own, removed at the end.
struct TemporaryFolder: ~Copyable {
    let path: String

    init(nameLength: Int = 16) {
        let random = String(UInt64.random(in: 0 ... .max), radix: 36)
        path = "/tmp/ray-test-" + random + String(repeating: "x", count: max(0, nameLength - random.count))
        mkdir(path, 0o700)
    }

    deinit {
        if let directory = opendir(path) {
            while let entry = readdir(directory) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                unlink(path + "/" + name)
            }
            closedir(directory)
        }
        rmdir(path)
    }
}
