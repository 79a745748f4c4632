//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
package import RayCore
package import RayObjectStore
internal import RayTransport

/// A process's way to its node's object store.
package enum StoreConnection {
    /// Attaches to the store behind a raylet's socket. The connection stays open as long as the client, which each object
    /// that is read keeps: its end tells the raylet that the pins are nobody's any more.
    ///
    /// - Throws: `systemError` with the raylet's reason.
    package static func open(socketPath: String, token: String) throws(RayError) -> ObjectStoreClient {
        let attachment: StoreAttachment
        do throws(TransportError) {
            attachment = try attachStore(socketPath: socketPath, token: Array(token.utf8))
        } catch {
            throw RayError(.systemError, "the object store at \(socketPath) cannot be attached: \(error)")
        }
        defer {
            close(attachment.descriptor)
            if let file = attachment.fallbackDescriptor { close(file) }
        }
        do throws(ObjectStoreError) {
            return try ObjectStoreClient(
                fileDescriptor: attachment.descriptor, fallbackDescriptor: attachment.fallbackDescriptor,
                client: StoreClient(index: attachment.slot), connection: attachment.connection)
        } catch {
            close(attachment.connection)
            throw RayError(.systemError, "the object store cannot be mapped: \(error)")
        }
    }
}

extension SessionDirectory {
    /// The socket at which the raylet of `node` gives out its store.
    package func storeSocket(of node: NodeID) -> String { sockets + "/store-" + node.hex.prefix(8) + ".sock" }
    /// The socket of the raylet of `node`.
    package func rayletSocket(of node: NodeID) -> String { sockets + "/raylet-" + node.hex.prefix(8) + ".sock" }
}
