//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRayGRPC
internal import NIOCore
internal import Synchronization

/// The sessions of all clients of this process, whose runtime is one as well.
enum ClientSessions {
    private struct State {
        var runtime: CoreRuntime?
        var sessions: [String: ClientSession] = [:]
        var arePaused = false
    }

    /// A call beside a client's stream of data, which waits for objects.
    private static let getObject = "/ray.rpc.RayletDriver/GetObject"
    private static let state = Mutex(State())

    /// The runtime that all sessions from now on ask.
    static func use(_ runtime: CoreRuntime) { state.withLock { $0.runtime = runtime } }

    /// That runtime.
    static var core: CoreRuntime? { state.withLock { $0.runtime } }

    /// The session of a client, made when it is asked for first.
    static func session(of client: String, arrays: String?) -> ClientSession {
        state.withLock { state in
            if let session = state.sessions[client] { return session }
            guard let runtime = state.runtime else { preconditionFailure("the runtime is set first") }
            let session = ClientSession(of: client, runtime: runtime, arrays: arrays)
            session.pause(state.arePaused)
            state.sessions[client] = session
            return session
        }
    }

    /// Leaves everything to the program, or no longer.
    static func pause(_ arePaused: Bool) {
        state.withLock { state in
            state.arePaused = arePaused
            for session in state.sessions.values { session.pause(arePaused) }
        }
    }

    /// Ends a session; its client has another one if it comes again.
    static func end(_ session: ClientSession) {
        state.withLock { state in
            for (client, known) in state.sessions where known === session { state.sessions[client] = nil }
        }
        session.end()
    }

    /// Whether `take` may be of use, once the call has its message.
    static func mayAnswer(_ call: ServerCall) -> Bool {
        call.method == getObject && state.withLock { !$0.sessions.isEmpty }
    }

    /// Answers a call if it asks for plain objects of a client. If it turns out later that it does not, `leave` is called.
    static func take(_ call: ServerCall, otherwise leave: @escaping @Sendable () -> Void) -> Bool {
        guard call.method == getObject, let client = call.metadata("client_id"),
            let session = state.withLock({ $0.sessions[client] }), session.admits(call.authorization),
            let message = call.onlyMessage, let request = GetRequest(message)
        else { return false }
        return session.get(request) { got in
            call.channel.eventLoop.execute {
                switch got {
                case .values(let values):
                    guard let pickle = PlainPickle.list(of: values) else { return leave() }
                    call.finish(with: ClientAnswer.value(pickle: pickle))
                case .large(let value, let first): call.finish(with: value, from: first)
                case .timedOut:
                    call.replaceOnlyMessage(by: GetRequest.withoutWaiting(message))
                    leave()
                case .left: leave()
                }
            }
        }
    }
}
