//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
package import RayWire

/// Sends a file to the head's archive, in pieces, each when the one before it has arrived.
package enum BlobUpload {
    /// How often it is begun: the head lets go of what it has of a file when it is started again, or the link is.
    private static let attemptsMax = 3

    /// Sends the file, unless it is there.
    ///
    /// - Parameters:
    ///   - read: gives bytes of the file.
    ///   - ask: asks the head and waits for its answer.
    /// - Throws: what the head says, or `read`, or `ask`.
    package static func run(
        _ hash: String, byteCount: Int, read: (_ offset: Int, _ count: Int) throws(RayError) -> [UInt8],
        ask: (Message) throws(RayError) -> Message
    ) throws(RayError) {
        let found = try ask(.fetchBlob(FetchBlob(hash: hash, offset: 0, count: 1)))
        if case .blobChunk(let chunk) = found, chunk.error == nil { return }
        var (offset, attempts) = (0, 1)
        while offset < byteCount {
            let bytes = try read(offset, min(Limits.chunkBytes, byteCount - offset))
            let reply = try ask(.storeBlob(StoreBlob(hash: hash, offset: offset, total: byteCount, bytes: bytes)))
            offset += bytes.count
            guard case .blobStored(let stored) = reply, let error = stored.error else { continue }
            // The first piece is never out of order: what is wrong with it is wrong with the file.
            let isInterrupted = error.type == .invalidArgument && offset > bytes.count
            guard isInterrupted, attempts < attemptsMax else { throw error }
            (offset, attempts) = (0, attempts + 1)
        }
    }
}
