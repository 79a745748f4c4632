//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import Ray
import Synchronization
import Testing

@Suite struct CallThreadTests {
    private final class Record: Sendable {
        let taken = Mutex<[Int]>([])
        let threads = Mutex<Set<pthread_t>>([])
        let isOpen = Mutex(false)

        func note(_ number: Int) {
            taken.withLock { $0.append(number) }
            threads.withLock { _ = $0.insert(pthread_self()) }
        }

        func wait(until condition: () -> Bool) async throws -> Bool {
            for _ in 0..<5_000 where !condition() { try await Task.sleep(for: .milliseconds(1)) }
            return condition()
        }
    }

    @Test("Calls run beside each other, each on a thread of its own", .timeLimit(.minutes(1)))
    func beside() async throws {
        let (threads, record) = (CallThreads(), Record())
        for number in 0..<8 {
            let isStarted = threads.perform {
                record.note(number)
                while !record.isOpen.withLock({ $0 }) { usleep(500) }
            }
            #expect(isStarted)
        }
        #expect(try await record.wait { record.taken.withLock { $0.count } == 8 })
        #expect(record.threads.withLock { $0.count } == 8)
        record.isOpen.withLock { $0 = true }
    }

    @Test("Calls one after the other are made in order, by threads that were there", .timeLimit(.minutes(1)))
    func reused() async throws {
        let (threads, record) = (CallThreads(), Record())
        for number in 0..<200 {
            #expect(threads.perform { record.note(number) })
            #expect(try await record.wait { record.taken.withLock { $0.count } == number + 1 })
        }
        #expect(record.taken.withLock { $0 } == Array(0..<200))
        // A call may come before its predecessor's thread has noted that it is free.
        #expect(record.threads.withLock { $0.count } < 20)
    }
}
