//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// The language of a function or an error.
package enum Language: UInt8, Sendable, Hashable {
    case python = 0
    case java = 1
    case cpp = 2
    case swift = 3
}

/// Names a remote function or class so that any worker of the program finds it.
///
/// For Swift, `function` is `Module.name(labels:)(types)`; `hash` tells two versions of one name apart. What another
/// language calls has the hash `crossLanguage` and only the names that people write: the worker finds what they mean,
/// and gives results that both languages know.
package struct FunctionDescriptor: Hashable, Sendable, CustomStringConvertible {
    package var language: Language
    package var module: String
    package var className: String
    package var function: String
    package var hash: String

    /// The hash of what is called from another language.
    package static let crossLanguage = "XLANG"

    /// Whether it is called from another language.
    package var isCrossLanguage: Bool { hash == Self.crossLanguage }

    package init(
        language: Language, module: String, className: String = "", function: String, hash: String = ""
    ) {
        self.language = language
        self.module = module
        self.className = className
        self.function = function
        self.hash = hash
    }

    /// `Module.function` or `Module.Class.function`: what a person would call it.
    package var description: String {
        [module, className, function].filter { !$0.isEmpty }.joined(separator: ".")
    }
}
