//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// Why a value is an error: Ray's `ErrorType` numbers (common.proto, 2.60), for what ours can meet.
package enum ErrorType: Int, Sendable, Hashable, CaseIterable {
    case workerDied = 0
    case actorDied = 1
    case objectUnreconstructable = 2
    case taskExecution = 3
    case objectInPlasma = 4
    case taskCancelled = 5
    case actorCreationFailed = 6
    case runtimeEnvSetupFailed = 7
    case objectLost = 8
    case ownerDied = 9
    case objectDeleted = 10
    case dependencyResolutionFailed = 11
    case objectUnreconstructableMaxAttemptsExceeded = 12
    case objectUnreconstructableLineageEvicted = 13
    case objectFetchTimedOut = 14
    case localRayletDied = 15
    case taskPlacementGroupRemoved = 16
    case actorPlacementGroupRemoved = 17
    case taskUnschedulable = 18
    case actorUnschedulable = 19
    case outOfDisk = 20
    case objectFreed = 21
    case outOfMemory = 22
    case nodeDied = 23
    case endOfStreamingGenerator = 24
    case actorUnavailable = 25
    case generatorTaskFailedForObjectReconstruction = 26
    case objectUnreconstructablePut = 27
    case objectUnreconstructableRetriesDisabled = 28
    case objectUnreconstructableBorrowed = 29
    case objectUnreconstructableTaskCancelled = 31
    case objectUnreconstructableLineageDisabled = 32
    case streamingGeneratorReplayInconsistent = 34
    // Below: kinds that Ray raises without storing them as objects; numbers are ours.
    case getTimeout = 1000
    case objectStoreFull = 1001
    case invalidArgument = 1002
    case systemError = 1003
    case clusterUnreachable = 1004
    case authenticationFailed = 1005
    case nameTaken = 1006
    case notFound = 1007
    case pendingCallsLimitExceeded = 1020

    /// Whether it says that a value was there and is lost.
    package var isLoss: Bool {
        switch self {
        case .objectLost, .objectUnreconstructable, .objectUnreconstructableMaxAttemptsExceeded,
            .objectUnreconstructableLineageEvicted, .objectUnreconstructablePut,
            .objectUnreconstructableRetriesDisabled, .objectUnreconstructableBorrowed,
            .objectUnreconstructableTaskCancelled, .objectUnreconstructableLineageDisabled,
            .streamingGeneratorReplayInconsistent:
            true
        default: false
        }
    }

    /// The metadata of an object that holds an error of this type: its number in decimal.
    package var metadata: [UInt8] { Array(String(rawValue).utf8) }

    /// The type that `metadata` names, or nothing if it names data.
    package init?(metadata: [UInt8]) {
        guard !metadata.isEmpty, metadata.count <= 4,
            metadata.allSatisfy({ UInt8(ascii: "0") <= $0 && $0 <= UInt8(ascii: "9") }),
            let number = Int(String(decoding: metadata, as: UTF8.self))
        else { return nil }
        self.init(rawValue: number)
    }
}
