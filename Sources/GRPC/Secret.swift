//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// What clients show to be let in.
enum Secret {
    /// Whether two are the same, in a time that does not tell where they differ.
    static func isSame(_ one: String?, _ other: String?) -> Bool {
        guard let one, let other else { return one == nil && other == nil }
        let pairs = zip(one.utf8, other.utf8)
        return one.utf8.count == other.utf8.count && pairs.reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

extension ServerCall {
    /// What the client of a call has shown to be let in.
    var authorization: String? { metadata("authorization") }
}
