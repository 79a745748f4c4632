//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// Objects that this process makes when something has happened, and not by a task.
extension WorkerCore {
    /// An object without a value yet, with one local reference.
    package mutating func promise(from task: TaskID?) -> ObjectID {
        let id = nextPutID(of: task)
        objects[id] = ObjectEntry(value: fatal.map { .failed($0) } ?? .pending, localReferences: 1)
        return id
    }

    /// Gives a promised object its value; nothing happens if it has one, or if nobody wants it any more.
    package mutating func fulfil(
        _ id: ObjectID, _ outcome: Result<RayObject, RayError>, into effects: inout WorkerEffects
    ) {
        guard let entry = objects[id], entry.owner == nil, !entry.exists else { return }
        switch outcome {
        case .success(let object):
            capture(object.contained, in: id, into: &effects)
            settle(id, .inline(object), into: &effects)
        case .failure(let error): settle(id, .failed(error), into: &effects)
        }
    }
}
