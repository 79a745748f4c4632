//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
package import RayCore
package import RayTransport
package import RayWire

/// The packages of runtime environments on this node's disk: fetched from the head, checked, unpacked, deleted.
///
///     fetch ──▶ downloading (reactor) ──▶ unpacking (own thread) ──▶ done
///
/// What was unpacked to the end has its final name; everything else ends with `.part`. The folder carries the node's
/// id and goes with the node. Unchecked: everything that changes is touched by the reactor's leading thread only.
package final class PackageStore: @unchecked Sendable {
    /// How a fetch ended: the folder and its bytes, or why there is none.
    package typealias Outcome = Result<(folder: String, byteCount: Int), PackageError>

    /// The answer to a question to the key-value store must come within this time.
    private static let answerMillisecondsMax = 30_000
    private static let folder = "working_dir_files"

    /// The node's own folder, in which `folder` is.
    private let root: String
    private let folder: String
    private let reactor: Reactor
    private let downloads: BlobDownloads
    private let disk: WorkQueue
    private let send: (Message, UInt64) -> Void
    private let done: (String, Outcome) -> Void
    /// Packages under way.
    private var fetching: Set<String> = []
    /// Questions to the key-value store by request id.
    private var questions: [UInt64: (package: String, deadline: Instant)] = [:]
    private var nextRequest: UInt64 = 3 << 61
    private var isHeadAway = false

    /// - Parameters:
    ///   - root: Made, with the folder that it is in, when something is first unpacked, and deleted in the end.
    ///   - send: Sends a message with a request id to the control store.
    ///   - done: Told how a fetch ended; on the leading thread.
    /// - Throws: `system` if the machine gives no threads.
    package init(
        root: String, reactor: Reactor, downloads: BlobDownloads, send: @escaping (Message, UInt64) -> Void,
        done: @escaping (String, Outcome) -> Void
    ) throws(TransportError) {
        self.root = root
        folder = root + "/" + Self.folder
        self.reactor = reactor
        self.downloads = downloads
        self.send = send
        self.done = done
        disk = try WorkQueue("raylet.package")
    }

    /// Brings a package here and unpacks it; answered by `done`.
    package func fetch(_ package: String) {
        guard fetching.insert(package).inserted else { return }
        guard let uri = PackageURI(package) else {
            return finish(package, .failure(PackageError("'\(package)' is no name of a package")))
        }
        guard let path = makeFolder(Self.folder, in: root) else {
            return uri.namesContent ? download(uri, uri.hash) : ask(uri.description, nextID())
        }
        let reason = "the folder \(path) cannot be made: \(TransportError.text(errno))"
        finish(package, .failure(PackageError(reason)))
    }

    /// Deletes a package that no process uses.
    package func remove(_ package: String) {
        guard let uri = PackageURI(package) else { return }
        let path = path(of: uri)
        // In the order of the calls with unpacking: it may be wanted again.
        disk.add { removeTree(path) }
    }

    /// The answer of the key-value store; whether it was to a question asked here.
    package func receive(_ message: Message, requestID: UInt64) -> Bool {
        guard let question = questions.removeValue(forKey: requestID) else { return false }
        guard case .keyValueReply(let reply) = message, let bytes = reply.value, let uri = PackageURI(question.package)
        else {
            let reason = "the head does not have \(question.package); its driver must send it again"
            finish(question.package, .failure(PackageError(reason)))
            return true
        }
        if let content = ArchivedPackage(value: bytes) {
            download(uri, content.hash)
        } else {
            unpack(uri) { () throws(PackageError) in bytes }
        }
        return true
    }

    /// The link to the head is gone, and with it the answers.
    package func headIsLost() { isHeadAway = true }

    /// Asks again what was not answered.
    package func headIsBack() {
        isHeadAway = false
        for (id, question) in questions.sorted(by: { $0.key < $1.key }) { ask(question.package, id) }
    }

    /// Fails questions without an answer.
    package func tick(_ now: Instant) {
        guard !isHeadAway else { return }
        for (id, question) in questions.sorted(by: { $0.key < $1.key }) where now >= question.deadline {
            questions[id] = nil
            let seconds = Self.answerMillisecondsMax / 1_000
            finish(question.package, .failure(PackageError("the head did not answer within \(seconds) s")))
        }
    }

    /// Deletes everything; when the node has left.
    package func stop() {
        disk.stop()
        removeTree(root)
    }

    private func path(of uri: PackageURI) -> String { folder + "/_ray_pkg_" + uri.hash }

    private func finish(_ package: String, _ outcome: Outcome) {
        fetching.remove(package)
        done(package, outcome)
    }

    // MARK: Fetching

    private func download(_ uri: PackageURI, _ hash: String) {
        let path = path(of: uri) + ".zip.part"
        downloads.start(hash, to: path, bytesMax: PackageLimits.packageBytesMax) { result in
            switch result {
            case .failure(let error):
                let reason = "\(uri) could not be brought to this node: \(error.message)"
                self.finish(uri.description, .failure(PackageError(reason)))
            case .success(let path):
                self.unpack(uri) { () throws(PackageError) in try Self.checkedContent(of: path, hash, uri) }
            }
        }
    }

    private func nextID() -> UInt64 {
        nextRequest += 1
        return nextRequest
    }

    private func ask(_ package: String, _ id: UInt64) {
        questions[id] = (package, reactor.clock.now().advanced(milliseconds: Self.answerMillisecondsMax))
        let request = KeyValueRequest(
            operation: .get, namespace: "", key: Array(package.utf8), value: [], overwrite: false)
        send(.keyValueRequest(request), id)
    }

    /// The bytes of a downloaded file, which is removed.
    private static func checkedContent(
        of path: String, _ hash: String, _ uri: PackageURI
    ) throws(PackageError) -> [UInt8] {
        defer { unlink(path) }
        guard let bytes = readBytes(path, bytesMax: PackageLimits.packageBytesMax) else {
            throw PackageError("\(path) cannot be read: \(TransportError.text(errno))")
        }
        var digest = [UInt8](repeating: 0, count: Int(RAY_SHA256_BYTES))
        bytes.withUnsafeBytes { ray_sha256($0.baseAddress, $0.count, &digest) }
        guard digest.hex == hash else { throw PackageError("what was brought to this node is not \(uri)") }
        return bytes
    }

    private func unpack(_ uri: PackageURI, _ content: @escaping @Sendable () throws(PackageError) -> [UInt8]) {
        let path = path(of: uri)
        let reactor = reactor
        disk.add {
            let outcome: Outcome
            do throws(PackageError) {
                outcome = .success((path, try Self.unpack(try content(), uri, to: path)))
            } catch {
                outcome = .failure(error)
            }
            reactor.perform { self.finish(uri.description, outcome) }
        }
    }

    private static func unpack(_ bytes: [UInt8], _ uri: PackageURI, to path: String) throws(PackageError) -> Int {
        let part = path + ".part"
        removeTree(part)
        removeTree(path)
        do throws(PackageError) {
            let byteCount = try ZipExtraction.unpack(try ZipReader(bytes), to: part)
            guard rename(part, path) == 0 else {
                throw PackageError("\(path) cannot be made: \(TransportError.text(errno))")
            }
            return byteCount
        } catch {
            removeTree(part)
            throw PackageError("\(uri) cannot be unpacked: \(error)")
        }
    }
}
