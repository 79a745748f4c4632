//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem

/// A thread of our own, outside Swift's pool: it may block.
package enum PlainThread {
    private final class Body: Sendable {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Starts a detached thread; its name is cut after 15 bytes.
    ///
    /// - Throws: `system` if the machine gives no more threads.
    package static func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(TransportError) {
        let box = Unmanaged.passRetained(Body(body))
        let status = ray_thread_start(
            name,
            { argument in
                guard let argument else { return }
                Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
            }, box.toOpaque())
        if status < 0 {
            box.release()
            throw .system(operation: "starting the thread \(name)", code: -status)
        }
    }
}
