//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// A file that a job brought to the head for its workers: an executable, or the package of a runtime environment.
///
///     brought, or asked for ──▶ held by jobs and detached actors ──the last one ended──▶ deleted
///                └──────────────────by nobody, for the grace time──────────────────────────▲
struct SharedFile: Sendable {
    /// What keeps a file, as long as it lives.
    enum Holder: Hashable, Comparable, Sendable {
        case job(JobID)
        /// A detached one, which may be started again after its job has ended.
        case actor(ActorID)
    }

    var holders: Set<Holder> = []
    /// It stays until then without a holder: who brought it or asked for it may be about to use it.
    var keptUntil: Instant
    /// Whether it is there: after a new start only what the archive or the key-value store has.
    var isStored = true
}

extension SharedFile {
    /// The name under which a package is kept: the hash of its content if it has one, else the package's own.
    static func name(ofPackage uri: String) -> String {
        guard let package = PackageURI(uri), package.namesContent else { return uri }
        return package.hash
    }

    /// The key of a package in the key-value store; nothing for a file of the archive.
    static func key(of name: String) -> Key? { name.hasPrefix(packagePrefix) ? Key(bytes: Array(name.utf8)) : nil }

    /// Whether a key is the name of a package.
    static func isPackage(_ request: KeyValueRequest) -> Bool {
        request.namespace.isEmpty && request.key.starts(with: packagePrefix.utf8)
    }

    /// What the names of packages begin with.
    static let packagePrefix = "gcs://"

    var encoded: [UInt8] {
        encoding { writer in
            writer.write(list: holders.sorted()) { writer, holder in
                switch holder {
                case .job(let job):
                    writer.write(UInt8(0))
                    writer.write(job)
                case .actor(let actor):
                    writer.write(UInt8(1))
                    writer.write(actor)
                }
            }
        }
    }

    /// A file that the journal names; its grace time begins anew.
    init(from reader: inout WireReader, keptUntil: Instant) throws(WireError) {
        let list = try reader.list { (reader: inout WireReader) throws(WireError) -> Holder in
            switch try reader.uint8() {
            case 0: return .job(try reader.identifier())
            case 1: return .actor(try reader.identifier())
            case let other: throw .unknownCase("holder of a file", Int(other))
            }
        }
        self.init(holders: Set(list), keptUntil: keptUntil, isStored: false)
    }
}
