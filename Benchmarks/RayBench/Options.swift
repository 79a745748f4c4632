//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc

/// The command line: `raybench [RESULTS.json] [--only ROW] [--milliseconds M]`.
struct Options {
    /// Where the rows are written as JSON, too.
    var path: String?
    /// The one row that is measured, for a profile.
    var only: String?
    /// The least length of a round.
    var milliseconds = 400

    init(_ arguments: some Collection<String>) {
        var rest = Array(arguments)[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--only": only = rest.popFirst()
            case "--milliseconds": milliseconds = rest.popFirst().flatMap { Int($0) } ?? milliseconds
            case _ where argument.hasPrefix("-"):
                writeError("usage: raybench [RESULTS.json] [--only ROW] [--milliseconds M]\n")
                exit(argument == "--help" ? 0 : 2)
            default: path = argument
            }
        }
    }
}
