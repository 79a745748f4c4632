//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayNode

extension ray {
    /// The cluster's tasks, transfers and spills as a trace for chrome://tracing or https://ui.perfetto.dev.
    ///
    /// What other processes of the cluster submitted in the last second may be missing; `RAY_enable_timeline=0`, set
    /// where a process is started, leaves out what it waited for and stored.
    ///
    /// - Returns: JSON: a list of events as Ray writes them, times in microseconds since 1970.
    /// - Throws: `ray.SystemError` before `ray.init()`, and if the cluster does not answer.
    public static nonisolated(nonsending) func timeline() async throws -> String {
        guard let worker = try currentWorker() as? Worker else {
            throw error(RayError(.invalidArgument, "this runtime records no tasks"))
        }
        let result = await withCheckedContinuation { continuation in
            worker.timeline { continuation.resume(returning: $0) }
        }
        switch result {
        case .success(let parts): return RayNode.Timeline.text(of: parts)
        case .failure(let failure): throw error(failure)
        }
    }

    /// Writes the trace of `timeline()` into a file.
    ///
    /// - Parameter path: the file; one that exists is replaced.
    /// - Throws: `ray.SystemError` before `ray.init()`, if the cluster does not answer, or if the file cannot be
    ///   written.
    public static nonisolated(nonsending) func timeline(to path: String) async throws {
        let text = try await timeline()
        guard writeFile(path, text) else {
            throw error(RayError(.systemError, "the trace cannot be written to \(path)"))
        }
    }
}
