//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

extension ray {
    /// The system failed, not the user's code: one case for each of Ray's exception classes, with what to do.
    public enum SystemError: Error, Hashable, Sendable, CustomStringConvertible {
        case workerCrashed(String)
        case actorDied(String)
        case actorUnavailable(String)
        case actorUnschedulable(String)
        case actorPlacementGroupRemoved(String)
        case actorAlreadyExists(String)
        case taskCancelled(String)
        case taskUnschedulable(String)
        case taskPlacementGroupRemoved(String)
        case runtimeEnvSetup(String)
        case objectLost(String)
        case objectFetchTimedOut(String)
        case objectFreed(String)
        case objectReconstructionFailed(String)
        case objectReconstructionFailedMaxAttemptsExceeded(String)
        case objectReconstructionFailedLineageEvicted(String)
        case objectStoreFull(String)
        case referenceCountingAssertion(String)
        case ownerDied(String)
        case nodeDied(String)
        case localRayletDied(String)
        case outOfDisk(String)
        case outOfMemory(String)
        case getTimeout(String)
        case authentication(String)
        /// More calls on an actor are under way than `maxPendingCalls` allows.
        case pendingCallsLimitExceeded(String)
        /// The cluster cannot be reached or started.
        case clusterUnreachable(String)
        /// An argument makes no sense.
        case invalidArgument(String)
        /// A name is not known.
        case notFound(String)
        /// Any other failure of the system.
        case system(String)

        /// What went wrong and what can be done.
        public var message: String {
            switch self {
            case .workerCrashed(let text), .actorDied(let text), .actorUnavailable(let text),
                .actorUnschedulable(let text), .actorPlacementGroupRemoved(let text), .actorAlreadyExists(let text),
                .taskCancelled(let text), .taskUnschedulable(let text), .taskPlacementGroupRemoved(let text),
                .runtimeEnvSetup(let text), .objectLost(let text), .objectFetchTimedOut(let text),
                .objectFreed(let text), .objectReconstructionFailed(let text),
                .objectReconstructionFailedMaxAttemptsExceeded(let text),
                .objectReconstructionFailedLineageEvicted(let text), .objectStoreFull(let text),
                .referenceCountingAssertion(let text), .ownerDied(let text), .nodeDied(let text),
                .localRayletDied(let text), .outOfDisk(let text), .outOfMemory(let text), .getTimeout(let text),
                .authentication(let text), .pendingCallsLimitExceeded(let text), .clusterUnreachable(let text),
                .invalidArgument(let text),
                .notFound(let text), .system(let text):
                text
            }
        }

        /// The message.
        public var description: String { message }

        /// The case for a failure of the runtime.
        package init(_ error: RayError) {
            let text = error.message
            self =
                switch error.type {
                case .workerDied: .workerCrashed(text)
                case .actorDied, .actorCreationFailed: .actorDied(text)
                case .actorUnavailable: .actorUnavailable(text)
                case .actorUnschedulable: .actorUnschedulable(text)
                case .actorPlacementGroupRemoved: .actorPlacementGroupRemoved(text)
                case .nameTaken: .actorAlreadyExists(text)
                case .taskCancelled: .taskCancelled(text)
                case .taskUnschedulable: .taskUnschedulable(text)
                case .taskPlacementGroupRemoved: .taskPlacementGroupRemoved(text)
                case .runtimeEnvSetupFailed: .runtimeEnvSetup(text)
                case .objectLost: .objectLost(text)
                case .objectFetchTimedOut: .objectFetchTimedOut(text)
                case .objectFreed: .objectFreed(text)
                case .objectDeleted: .referenceCountingAssertion(text)
                case .objectUnreconstructable, .objectUnreconstructablePut,
                    .objectUnreconstructableRetriesDisabled, .objectUnreconstructableBorrowed,
                    .objectUnreconstructableTaskCancelled, .objectUnreconstructableLineageDisabled:
                    .objectReconstructionFailed(text)
                case .objectUnreconstructableMaxAttemptsExceeded: .objectReconstructionFailedMaxAttemptsExceeded(text)
                case .objectUnreconstructableLineageEvicted: .objectReconstructionFailedLineageEvicted(text)
                case .objectStoreFull: .objectStoreFull(text)
                case .ownerDied: .ownerDied(text)
                case .nodeDied: .nodeDied(text)
                case .localRayletDied: .localRayletDied(text)
                case .outOfDisk: .outOfDisk(text)
                case .outOfMemory: .outOfMemory(text)
                case .getTimeout: .getTimeout(text)
                case .authenticationFailed: .authentication(text)
                case .clusterUnreachable: .clusterUnreachable(text)
                case .invalidArgument: .invalidArgument(text)
                case .notFound: .notFound(text)
                case .pendingCallsLimitExceeded: .pendingCallsLimitExceeded(text)
                case .systemError, .taskExecution, .objectInPlasma, .dependencyResolutionFailed,
                    .endOfStreamingGenerator, .generatorTaskFailedForObjectReconstruction,
                    .streamingGeneratorReplayInconsistent:
                    .system(text)
                }
        }
    }
}
