//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// Files of the head, and who needs them.
///
/// Those named by their SHA-256 lie in the archive, the others are Ray's packages: the values of their names in the
/// key-value store. Such a value may be the name of a file of the archive, which then stays as long as it. Whoever brings
/// a file, or asks whether it is there, on behalf of a job has that job hold it; so does who wants a worker for which it is
/// needed. A job may use again, hours later, what it brought once.
extension GCSCore {
    /// Whether a file of the archive is to stay.
    package func keepsFile(_ name: String) -> Bool { files[name] != nil }

    /// A file is there: `peer` brought it or asked for it; nobody if it was found at the start.
    mutating func fileStored(_ name: String, by peer: WorkerID?, at now: Instant) {
        let end = now.advanced(milliseconds: settings.fileGraceMilliseconds)
        if files[name] == nil {
            guard files.count < GCSLimits.filesMax else { return }
            files[name] = SharedFile(keptUntil: end)
        }
        files[name]?.isStored = true
        files[name]?.keptUntil = end
        if let peer, let job = peers[peer]?.job, acts(peer, for: job) { hold([name], for: .job(job)) }
    }

    /// A key was read or written that may be the name of a package.
    mutating func keyTouched(_ request: KeyValueRequest, _ sender: Sender, at now: Instant) {
        guard SharedFile.isPackage(request) else { return }
        let name = SharedFile.name(ofPackage: String(decoding: request.key, as: UTF8.self))
        guard let key = SharedFile.key(of: name) else {
            if files[name]?.isStored == true { fileStored(name, by: sender.id, at: now) }
            return
        }
        if keyValues.value(key, in: "") != nil {
            fileStored(name, by: sender.id, at: now)
        } else if files[name] != nil {
            files[name] = nil
        }
    }

    /// The file of the archive that a package's name stands for; nothing if its value is the package.
    func archivedContent(of key: Key) -> String? {
        guard key.bytes.starts(with: SharedFile.packagePrefix.utf8) else { return nil }
        return keyValues.value(key, in: "").flatMap { ArchivedPackage(value: $0)?.hash }
    }

    /// Has a holder keep what workers of an environment need; of another program than the job's only that one.
    mutating func hold(
        _ environment: RuntimeEnvironmentSpec?, program: Program? = nil, for holder: SharedFile.Holder
    ) {
        if let hash = (environment?.program ?? program)?.hash { hold([hash], for: holder) }
        guard let environment else { return }
        if let folder = environment.workingDirectory { hold([SharedFile.name(ofPackage: folder)], for: holder) }
        hold(environment.packages.map(SharedFile.name), for: holder)
    }

    /// What is not there cannot be held.
    private mutating func hold(_ names: [String], for holder: SharedFile.Holder) {
        for name in names where files[name]?.holders.contains(holder) == false { files[name]?.holders.insert(holder) }
    }

    /// A holder has ended. O(files).
    mutating func releaseFiles(of holder: SharedFile.Holder) {
        for (name, file) in files where file.holders.contains(holder) { files[name]?.holders.remove(holder) }
    }

    /// Deletes what nobody holds and nobody has touched for the grace time.
    mutating func deleteUnusedFiles(at now: Instant, into effects: inout GCSEffects) {
        guard lastFileCheck.map({ now.milliseconds(since: $0) >= GCSLimits.fileCheckMilliseconds }) ?? true else {
            return
        }
        lastFileCheck = now
        let unused = files.filter { $0.value.holders.isEmpty && $0.value.keptUntil <= now }.map(\.key)
        guard !unused.isEmpty else { return }
        let named = Set(files.keys.compactMap { SharedFile.key(of: $0).flatMap(archivedContent) })
        for name in unused.sorted() where !named.contains(name) {
            files[name] = nil
            effects.log(.info, "\(name) is deleted: no job or detached actor uses it any more")
            guard let key = SharedFile.key(of: name) else {
                effects.append(.deleteFile(name))
                continue
            }
            if keyValues.remove(key, in: ""), settings.isDurable { unsaved.append(.keyValue(key, in: "", nil)) }
        }
    }
}
