//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc

/// Forking instead of starting; all of it on the launcher's thread. Whatever is wrong with a zygote, what was to be forked
/// is started anew.
extension Launcher {
    private static let zygotesMax = 4
    /// One that was not used for so long ends.
    private static let idleNanoseconds: UInt64 = 300_000_000_000
    /// How long after a failure a program is started as ever.
    private static let brokenNanoseconds: UInt64 = 60_000_000_000

    /// Forks or starts a process; the answer comes at once, or when the zygote has loaded its program.
    func fork(_ request: LaunchRequest, _ answer: @escaping (Result<Int32, TransportError>) -> Void) {
        guard forks, let forking = request.forking,
            let zygote = zygotes[forking.key] ?? startZygote(forking, request)
        else { return answer(spawn(request)) }
        zygote.waiting.append(Zygote.Waiting(request: request, answer: answer))
        if zygote.isReady { serve(zygote) }
    }

    /// Forks for all that wait.
    private func serve(_ zygote: Zygote) {
        while !zygote.waiting.isEmpty {
            let next = zygote.waiting.removeFirst()
            guard case .descriptor(let output) = next.request.standardOutput,
                case .descriptor(let error) = next.request.standardError
            else {
                next.answer(spawn(next.request))
                continue
            }
            guard let result = zygote.fork(next.request, output: output, error: error) else {
                zygote.waiting.insert(next, at: 0)
                return drop(zygote, isBroken: true)
            }
            next.answer(result)
        }
    }

    /// Starts one like the process that is wanted; nothing if that cannot be done.
    func startZygote(_ forking: LaunchRequest.Forking, _ request: LaunchRequest) -> Zygote? {
        let key = forking.key
        let now = ray_monotonic_nanoseconds()
        if let until = brokenKeys[key] {
            guard now >= until else { return nil }
            brokenKeys[key] = nil
        }
        var pair: [Int32] = [-1, -1]
        guard ray_pair_create(&pair) >= 0 else { return nil }
        defer { ray_close(pair[1]) }
        var own = request
        own.standardOutput = .inherit
        own.standardError = .inherit
        own.descriptors = [(source: pair[1], target: 3)]
        own.environment.removeAll { variable in forking.ownVariables.contains { variable.hasPrefix($0 + "=") } }
        own.environment.append("\(Zygote.environmentVariable)=3")
        guard case .success(let process) = spawn(own) else {
            ray_close(pair[0])
            return nil
        }
        if zygotes.count >= Self.zygotesMax, let oldest = zygotes.values.min(by: { $0.lastUse < $1.lastUse }) {
            drop(oldest, isBroken: false)
        }
        let zygote = Zygote(key: key, process: process, socket: pair[0])
        zygotes[key] = zygote
        _ = ray_epoll_add(epoll, zygote.socket, UInt32(RAY_EVENT_READ), zygote.token)
        watch(process) { process, _ in self.zygoteEnded(process) }
        return zygote
    }

    /// A zygote is ready, or its socket has ended.
    func zygoteSpoke(_ token: UInt64) {
        guard let zygote = zygotes.values.first(where: { $0.token == token }) else { return }
        guard !zygote.isReady, zygote.read() == 0 else { return drop(zygote, isBroken: !zygote.isReady) }
        zygote.isReady = true
        serve(zygote)
    }

    private func zygoteEnded(_ process: Int32) {
        guard let zygote = zygotes.values.first(where: { $0.process == process }) else { return }
        zygote.hasEnded = true
        drop(zygote, isBroken: !zygote.isReady)
    }

    /// Ends those that take too long to load, or that nobody uses.
    func checkZygotes() {
        guard !zygotes.isEmpty else { return }
        let now = ray_monotonic_nanoseconds()
        for zygote in Array(zygotes.values) {
            if zygote.isReady {
                if now - zygote.lastUse > Self.idleNanoseconds { drop(zygote, isBroken: false) }
            } else if now - zygote.since > Zygote.loadNanoseconds {
                drop(zygote, isBroken: true)
            }
        }
    }

    /// Ends a zygote; what waits for it is started as ever.
    private func drop(_ zygote: Zygote, isBroken: Bool) {
        zygotes[zygote.key] = nil
        if isBroken { brokenKeys[zygote.key] = ray_monotonic_nanoseconds() + Self.brokenNanoseconds }
        _ = ray_epoll_remove(epoll, zygote.socket)
        if !zygote.hasEnded { kill(-zygote.process, SIGKILL) }
        let waiting = zygote.waiting
        zygote.waiting = []
        for next in waiting { next.answer(spawn(next.request)) }
    }
}
