//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

public import CRayPython
internal import RayCore
internal import RayNode
internal import RayWorker

// Calls of functions, and of actors' methods.

/// See `ray_python.h`.
@c @implementation
public func ray_python_template(_ description: ray_python_bytes) -> UnsafeMutableRawPointer? {
    do throws(RayError) {
        let runtime = try PythonRuntime.require()
        let template = try CallTemplate(try description.value(), under: runtime.worker.environment)
        return Unmanaged.passRetained(template).toOpaque()
    } catch {
        fail(error)
        return nil
    }
}

/// See `ray_python.h`.
@c @implementation
public func ray_python_submit(
    _ template: UnsafeMutableRawPointer?, _ actor: UnsafeRawPointer?, _ task: UnsafeRawPointer?,
    _ arguments: UnsafePointer<ray_python_argument>?, _ count: Int, _ results: UnsafeMutableRawPointer?,
    _ resultsMax: Int
) -> Int {
    reporting { () throws(RayError) in
        let runtime = try PythonRuntime.require()
        guard let template else { throw RayError(.invalidArgument, "there is no template") }
        var call = Unmanaged<CallTemplate>.fromOpaque(template).takeUnretainedValue().call
        guard call.shared.value.returnCount <= resultsMax else {
            throw RayError(.invalidArgument, "there is no room for \(call.shared.value.returnCount) results")
        }
        call.arguments.reserveCapacity(count)
        for argument in UnsafeBufferPointer(start: arguments, count: count) {
            call.arguments.append(try runtime.argument(argument))
        }
        let parent = TaskID(task)
        let references =
            if let actor = ActorID(actor) {
                try runtime.worker.callWithinLimit(actor, call, from: parent)
            } else {
                runtime.worker.submit(call, from: parent)
            }
        for (index, reference) in references.enumerated() { reference.id.write(to: results, at: index) }
        return references.count
    }
}
