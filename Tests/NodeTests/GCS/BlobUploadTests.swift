//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayNode
import RayWire
import Testing

@Suite("Uploads to the head's archive") struct BlobUploadTests {
    private let peer = WorkerID(1, 1, 1, 1)
    private let bytes = (0..<2_500_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }

    /// Sends `bytes` to the archive, which loses the upload before each piece of which `isLost` says so; how many
    /// pieces were sent.
    private func upload(to archive: inout ProgramArchive, isLost: (_ piece: Int) -> Bool) -> (Int, RayError?) {
        var pieces = 0
        do throws(RayError) {
            try BlobUpload.run(
                sha256(bytes), byteCount: bytes.count,
                read: { (offset, count) throws(RayError) in Array(bytes[offset..<offset + count]) },
                ask: { (message) throws(RayError) in
                    if case .fetchBlob(let wanted) = message { return .blobChunk(archive.fetch(wanted)) }
                    guard case .storeBlob(let piece) = message else { throw RayError(.invalidArgument, "unknown") }
                    pieces += 1
                    if isLost(pieces) { archive.peerLost(peer) }
                    var reply = BlobStored()
                    do throws(RayError) {
                        _ = try archive.store(piece, from: peer, at: .zero)
                    } catch {
                        reply.error = error
                    }
                    return .blobStored(reply)
                })
            return (pieces, nil)
        } catch {
            return (pieces, error)
        }
    }

    @Test("An upload that meets a new head or a new link begins again, and not for ever")
    func interruptedUpload() throws {
        let folder = try TemporaryFolder()
        var archive = ProgramArchive(folder: folder.path)
        let lost = upload(to: &archive) { $0 % 2 == 0 }
        #expect(lost.0 == 6)
        #expect(lost.1?.message.contains("begin again") == true)
        let once = upload(to: &archive) { $0 == 2 }
        #expect(once.0 == 5 && once.1 == nil)
        #expect(archive.hashes == [sha256(bytes)])
        let again = upload(to: &archive) { _ in false }
        #expect(again.0 == 0 && again.1 == nil, "it is there")
    }
}
