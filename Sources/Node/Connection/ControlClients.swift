//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
package import RayWire
internal import Synchronization

/// Connections to a cluster's head for the questions of any threads.
///
/// Each question has a connection of its own: where the head does not answer, none waits longer than its own limit.
package final class ControlClients: Sendable {
    /// So many stay open between questions.
    private static let idleMax = 4

    private let connect: @Sendable () throws(RayError) -> ControlClient
    private let idle: Mutex<[ControlClient]>
    /// The one for pieces of files, which the head puts together by who sends them.
    private let uploader = Mutex<ControlClient?>(nil)

    /// Connects once.
    ///
    /// - Throws: what `token` throws, or `systemError` if the machine gives no descriptors.
    package init(
        host: String, port: UInt16, token: @escaping @Sendable () throws(RayError) -> AuthenticationToken
    ) throws(RayError) {
        connect = { () throws(RayError) in try ControlClient(host: host, port: port, token: try token()) }
        idle = Mutex([try connect()])
    }

    /// Sends a request and waits for its answer.
    ///
    /// After a failure the next question connects anew, in case the head was started again: the others lost it, too.
    ///
    /// - Throws: as `ControlClient.request`.
    package func request(_ message: Message, milliseconds: Int) throws(RayError) -> Message {
        if case .storeBlob = message { return try upload(message, milliseconds: milliseconds) }
        let client = if let client = idle.withLock({ $0.popLast() }) { client } else { try connect() }
        do throws(RayError) {
            let answer = try client.request(message, milliseconds: milliseconds)
            idle.withLock { if $0.count < Self.idleMax { $0.append(client) } }
            return answer
        } catch {
            // They are closed outside of the lock.
            _ = idle.withLock { clients in
                defer { clients = [] }
                return clients
            }
            throw error
        }
    }

    private func upload(_ piece: Message, milliseconds: Int) throws(RayError) -> Message {
        try uploader.withLock { (uploader) throws(RayError) in
            let client = if let uploader { uploader } else { try connect() }
            uploader = nil
            let answer = try client.request(piece, milliseconds: milliseconds)
            uploader = client
            return answer
        }
    }
}
