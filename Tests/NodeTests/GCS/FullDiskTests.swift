//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import RayCore
import RayNode
import RayWire
import Testing

@Suite("A head whose disk takes no more") struct FullDiskTests {
    /// From now on no file of this process grows beyond so many bytes: what the disk says then is `EFBIG`.
    private static func limitFiles(to byteCount: UInt) throws {
        signal(SIGXFSZ, SIG_IGN)
        var limit = rlimit()
        try #require(getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
        limit.rlim_cur = min(byteCount, limit.rlim_max)
        try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
    }

    /// Sends a file to a head as a driver does; how many pieces were sent, and what the head said.
    private static func upload(_ bytes: [UInt8], from driver: TestPeer) -> (pieces: Int, error: RayError?) {
        var pieces = 0
        do throws(RayError) {
            try BlobUpload.run(
                sha256(bytes), byteCount: bytes.count,
                read: { (offset, count) throws(RayError) in Array(bytes[offset..<offset + count]) },
                ask: { (message) throws(RayError) in
                    if case .storeBlob = message { pieces += 1 }
                    guard let answer = driver.ask(message) else { throw RayError(.clusterUnreachable, "no answer") }
                    return answer
                })
            return (pieces, nil)
        } catch {
            return (pieces, error)
        }
    }

    @Test(
        "Who uploads hears in the middle that the disk takes no more, and what helps; nothing is left, and the head goes on",
        .timeLimit(.minutes(1)))
    func upload() async {
        // In a process of its own, whose limit is nobody else's.
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            var configuration = GCSConfiguration(sessionDirectory: folder.path, host: "127.0.0.1", port: 0)
            configuration.storageDirectory = folder.path + "/storage"
            configuration.isStorageOwn = true
            let server = try RunningServer(configuration)
            let driver = try TestPeer(server.unixAddress, role: .driver)
            let bytes = (0..<5_500_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            try FullDiskTests.limitFiles(to: 2_500_000)
            let (pieces, error) = FullDiskTests.upload(bytes, from: driver)
            #expect(pieces == 3 && error?.type == .outOfDisk)
            #expect(error?.message.contains("cannot be written: File too large; make room") == true)
            #expect(listDirectory(configuration.programsDirectory).isEmpty)
            try FullDiskTests.limitFiles(to: .max)
            #expect(FullDiskTests.upload(bytes, from: driver).error == nil)
            #expect(listDirectory(configuration.programsDirectory) == [sha256(bytes)])
        }
    }
}
