//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

extension Dictionary {
    /// Changes the value of a key where it lies; what `body` returns, or nothing if there is no such key.
    ///
    /// `self[key]?.change()` copies the value out and in again, with a count of each thing that it refers to: for a large
    /// value that is most of the time.
    @inlinable
    @discardableResult
    package mutating func update<Result>(_ key: Key, _ body: (inout Value) -> Result) -> Result? {
        guard let index = index(forKey: key) else { return nil }
        return body(&values[index])
    }
}
