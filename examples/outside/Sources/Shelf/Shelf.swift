//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Ray

/// The program's own library: its remote declarations stand in types, two deep and in an extension.
public enum Shelf {
    /// Remote functions two types deep.
    public struct Sums {
        /// Adds up.
        @Remote
        public static func total(_ numbers: [Int]) -> Int { numbers.reduce(0, +) }

        /// Remembers the largest number.
        @RemoteActor
        public final class Record {
            private var largest: Int

            /// A record to beat.
            public init(start: Int) { largest = start }

            /// The record after an attempt.
            public func attempt(_ number: Int) -> Int {
                largest = max(largest, number)
                return largest
            }
        }
    }
}

extension Shelf.Sums {
    /// Multiplies; the program's worker sends the call on to another one.
    @Remote
    public static func product(_ numbers: [Int]) async throws -> Int {
        let pairs = stride(from: 0, to: numbers.count, by: 2).map { Array(numbers[$0..<min($0 + 2, numbers.count)]) }
        guard pairs.count > 1 else { return numbers.reduce(1, *) }
        return try await ray.get(pairs.map { ray.remote(Shelf.Sums.product)($0) }).reduce(1, *)
    }
}
