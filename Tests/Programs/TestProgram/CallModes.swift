//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Ray

@Remote func stubborn(_ path: String) -> Int {
    writeFile(path, "\(getpid())")
    while !ray.isCancelled { usleep(1_000) }
    writeFile(path + ".end", "seen")
    return 1
}

@Remote func parent(_ path: String) async throws -> Int { try await ray.get(ray.remote(patient)(path)) }

@Remote func patient(_ path: String) async throws -> Int {
    writeFile(path, "\(getpid())")
    do {
        try await Task.sleep(for: .seconds(1000))
    } catch {
        writeFile(path + ".end", "\(type(of: error))")
        throw error
    }
    return 1
}

@Remote func flaky(_ attempts: Int) throws -> Int {
    let attempt = try ray.context.attempt
    if attempt < attempts { throw PlannedFailure(text: "attempt \(attempt)") }
    return attempt
}

/// Modes about cancelling, trying again, generators and the ends of actors.
extension TestProgram {
    /// Waits until a task has written the file.
    static func wait(for path: String) async throws -> String {
        while true {
            if let file = fopen(path, "r") {
                defer { fclose(file) }
                var bytes = [CChar](repeating: 0, count: 256)
                if fgets(&bytes, 256, file) != nil {
                    return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                }
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    static func cancel(_ folder: String) async throws {
        let stuck = ray.remote(stubborn)(folder + "/stubborn")
        _ = try await wait(for: folder + "/stubborn")
        try ray.cancel(stuck)
        try await describeError { _ = try await ray.get(stuck) }
        say("flag: \(try await wait(for: folder + "/stubborn.end"))")
        let family = ray.remote(parent)(folder + "/child")
        _ = try await wait(for: folder + "/child")
        try ray.cancel(family)
        try await describeError { _ = try await ray.get(family) }
        say("child: \(try await wait(for: folder + "/child.end"))")
        let spinning = ray.remote(spin)(folder + "/spin")
        let processes = try await wait(for: folder + "/spin").split(separator: " ").compactMap { pid_t($0) }
        try ray.cancel(spinning, force: true)
        try await describeError { _ = try await ray.get(spinning) }
        while Glibc.kill(processes[0], 0) == 0 { try await Task.sleep(for: .milliseconds(5)) }
        let pending = ray.remote(square).options(numCPUs: 64)(3)
        try ray.cancel(pending)
        try await describeError { _ = try await ray.get(pending) }
        let counter = ray.remote(Counter.self).remote(start: 0)
        try await describeError { try ray.cancel(counter.increment(), force: true) }
        say("next: \(try await ray.get(ray.remote(square)(3)))")
    }

    static func tryAgain() async throws {
        let flaky = ray.remote(flaky).options(maxRetries: 2, retryExceptions: .only(PlannedFailure.self))
        say("attempt: \(try await ray.get(flaky(2)))")
        try await describeError { _ = try await ray.get(flaky(3)) }
        try await describeError {
            _ = try await ray.get(flaky.options(retryExceptions: .only(CancellationError.self))(1))
        }
    }
}
