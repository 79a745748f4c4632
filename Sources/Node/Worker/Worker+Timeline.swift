//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
package import RayWire
internal import RayWorker

extension Worker {
    /// All that is recorded of the cluster's tasks, this process's newest ones included.
    package func timeline(completion: @escaping @Sendable (Result<[TimelinePart], RayError>) -> Void) {
        transact { core, now, effects in core.flushTrace(at: now, into: &effects) }
        collectTimeline([], cursor: 0, completion)
    }

    private func collectTimeline(
        _ parts: [TimelinePart], cursor: Int,
        _ completion: @escaping @Sendable (Result<[TimelinePart], RayError>) -> Void
    ) {
        request(.queryTimeline(QueryTimeline(cursor: cursor))) { [weak self] result in
            switch result {
            case .failure(let error): completion(.failure(error))
            case .success(.timelinePart(let part)):
                guard let self, let next = part.next else { return completion(.success(parts + [part])) }
                self.collectTimeline(parts + [part], cursor: next, completion)
            case .success:
                completion(.failure(RayError(.systemError, "the GCS answered with something else than a timeline")))
            }
        }
    }
}
