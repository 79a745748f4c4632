//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayNode
internal import RayWire

extension ray {
    /// What one process holds of one object, as `ray memory` shows it.
    public struct ObjectState: Hashable, Sendable {
        /// The object's id as hex.
        public var objectID: String
        /// Bytes of data; nil while that is not known, and for handles of actors.
        public var objectSize: Int?
        /// Where the task that makes it stands, by Ray's names; `NIL` for what was put and what others own.
        public var taskStatus: String
        /// Which try of its task made it, from 0.
        public var attemptNumber: Int
        /// Why the process holds it, by Ray's names: `LOCAL_REFERENCE`, `USED_BY_PENDING_TASK` and so on.
        public var referenceType: String
        /// `DRIVER`, `WORKER`, or `NONE` for what is in a store and held by nobody.
        public var type: String
        /// The process; 0 if nobody holds it.
        public var pid: Int
        /// Where that process is.
        public var ip: String
        /// All that holds it in the process, as a phrase.
        public var heldBy: String
        /// In whose memory, stores or disks it is, as a phrase.
        public var place: String
        /// The process's id in the cluster as hex; nil if nobody holds it.
        public var workerID: String?
        /// The id of the process that owns it, as hex.
        public var ownerID: String
        /// The nodes whose stores or disks have it, as hex; at most eight.
        public var storedOn: [String]
        /// Whether it is on disk only.
        public var isSpilled: Bool
        /// Other processes that hold it, as far as this one knows: its owner knows all.
        public var borrowerCount: Int
    }

    /// What the processes of the cluster hold of objects: a row for each object and process, in the order of the ids.
    ///
    /// Processes are asked for it and have two seconds to answer; what those hold that do not is missing. Objects that
    /// are on their way at that moment may be missing or be listed twice.
    ///
    /// - Parameter limit: most rows, up to 10,000.
    /// - Throws: `ray.SystemError` before `ray.init()`, and if the cluster does not answer.
    public static nonisolated(nonsending) func listObjects(limit: Int = 100) async throws -> [ObjectState] {
        guard let worker = try currentWorker() as? Worker else {
            throw error(RayError(.invalidArgument, "this runtime belongs to no cluster"))
        }
        let query = QueryState(resource: .objects, limit: limit, isDetailed: true)
        let result = await withCheckedContinuation { continuation in
            worker.request(.queryState(query)) { continuation.resume(returning: $0) }
        }
        switch result {
        case .success(.stateRows(let rows)):
            if let failure = rows.error { throw error(failure) }
            return rows.rows.map { ObjectState(Dictionary(zip(rows.columns, $0)) { first, _ in first }) }
        case .success: throw error(RayError(.systemError, "the head gave another answer than it was asked for"))
        case .failure(let failure): throw error(failure)
        }
    }
}

extension ray.ObjectState {
    fileprivate init(_ fields: [String: StateValue]) {
        func text(_ name: String) -> String? { if case .text(let text)? = fields[name] { text } else { nil } }
        func number(_ name: String) -> Int? { if case .int(let number)? = fields[name] { number } else { nil } }
        objectID = text("object_id") ?? ""
        objectSize = number("object_size")
        taskStatus = text("task_status") ?? "NIL"
        attemptNumber = number("attempt_number") ?? 0
        referenceType = text("reference_type") ?? ""
        type = text("type") ?? "NONE"
        pid = number("pid") ?? 0
        ip = text("ip") ?? ""
        heldBy = text("held_by") ?? ""
        place = text("where") ?? ""
        workerID = text("worker_id")
        ownerID = text("owner_id") ?? ""
        isSpilled = fields["is_spilled"] == .bool(true)
        borrowerCount = number("borrower_count") ?? 0
        guard case .list(let nodes)? = fields["stored_on"] else {
            storedOn = []
            return
        }
        storedOn = nodes.compactMap { if case .text(let node) = $0 { node } else { nil } }
    }
}
