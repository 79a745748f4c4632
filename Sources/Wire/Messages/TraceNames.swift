//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

extension TracedCall {
    /// What people call the task: the name that it was given, else its function.
    package var displayName: String { name.isEmpty ? functionName : name }

    /// The function, or the class whose initialiser it is.
    package var functionName: String {
        if function.language == .python { return pythonName }
        return kind == .actorCreation && !function.className.isEmpty ? function.className : function.description
    }

    /// As Ray shows those of Python: without the module, and without the functions in which they are nested.
    private var pythonName: String {
        let names = [function.className, function.function].compactMap {
            $0.split(separator: ".").last.map(String.init)
        }
        return names.joined(separator: ".")
    }
}

extension TracedCall.Kind {
    /// Ray's name.
    package var name: String {
        switch self {
        case .normal: "NORMAL_TASK"
        case .actorCreation: "ACTOR_CREATION_TASK"
        case .actorCall: "ACTOR_TASK"
        }
    }
}

extension TaskFailure {
    /// Ray's name of the error's type; its number, where Ray stores no such error.
    package var typeName: String {
        switch ErrorType(rawValue: Int(type)) {
        case .workerDied: "WORKER_DIED"
        case .actorDied: "ACTOR_DIED"
        case .objectUnreconstructable: "OBJECT_UNRECONSTRUCTABLE"
        case .taskExecution: "TASK_EXECUTION_EXCEPTION"
        case .taskCancelled: "TASK_CANCELLED"
        case .actorCreationFailed: "ACTOR_CREATION_FAILED"
        case .runtimeEnvSetupFailed: "RUNTIME_ENV_SETUP_FAILED"
        case .objectLost: "OBJECT_LOST"
        case .ownerDied: "OWNER_DIED"
        case .objectDeleted: "OBJECT_DELETED"
        case .dependencyResolutionFailed: "DEPENDENCY_RESOLUTION_FAILED"
        case .objectFetchTimedOut: "OBJECT_FETCH_TIMED_OUT"
        case .localRayletDied: "LOCAL_RAYLET_DIED"
        case .taskPlacementGroupRemoved: "TASK_PLACEMENT_GROUP_REMOVED"
        case .actorPlacementGroupRemoved: "ACTOR_PLACEMENT_GROUP_REMOVED"
        case .taskUnschedulable: "TASK_UNSCHEDULABLE_ERROR"
        case .actorUnschedulable: "ACTOR_UNSCHEDULABLE_ERROR"
        case .outOfDisk: "OUT_OF_DISK_ERROR"
        case .objectFreed: "OBJECT_FREED"
        case .outOfMemory: "OUT_OF_MEMORY"
        case .nodeDied: "NODE_DIED"
        case .actorUnavailable: "ACTOR_UNAVAILABLE"
        default: String(type)
        }
    }
}
