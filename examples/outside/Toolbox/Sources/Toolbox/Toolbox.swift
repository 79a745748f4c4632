//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Ray

/// A remote function at file scope, in a library of another package than the program's.
@Remote
public func backwards(_ text: String) -> String { String(text.reversed()) }

/// A type that has remote declarations of the same names as the program's own library.
public enum Toolbox {
    /// Remote in a type.
    @Remote
    public static func total(_ numbers: [Int]) -> Int { numbers.reduce(0, +) }

    /// A remote actor in a type.
    @RemoteActor
    public actor Tally {
        private var marks = 0

        /// An actor without a mark.
        public init() {}

        /// Adds marks and gives their number.
        public func mark(_ count: Int) -> Int {
            marks += count
            return marks
        }
    }
}
