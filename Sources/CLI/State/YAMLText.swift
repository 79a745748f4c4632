//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Foundation
internal import RayWire

/// Values as YAML in block style, as Python's `yaml.dump` writes them without sorting.
enum YAMLText {
    static func text(of value: StateValue) -> String { lines(of: value).joined(separator: "\n") }

    private static func lines(of value: StateValue) -> [String] {
        switch value {
        case .list(let values) where !values.isEmpty:
            return values.flatMap { item in
                lines(of: item).enumerated().map { ($0 == 0 ? "-   " : "    ") + $1 }
            }
        case .map(let fields) where !fields.isEmpty:
            return fields.flatMap { field -> [String] in
                switch field.value {
                case .map(let inner) where !inner.isEmpty:
                    return ["\(scalar(field.name)):"] + lines(of: field.value).map { "    " + $0 }
                case .list(let inner) where !inner.isEmpty:
                    return ["\(scalar(field.name)):"] + lines(of: field.value)
                default: return ["\(scalar(field.name)): \(scalar(field.value))"]
                }
            }
        default: return [scalar(value)]
        }
    }

    private static func scalar(_ value: StateValue) -> String {
        switch value {
        case .null: "null"
        case .bool(let flag): flag ? "true" : "false"
        case .int(let number): String(number)
        case .double(let number): "\(number)"
        case .text(let text): scalar(text)
        case .list: "[]"
        case .map: "{}"
        }
    }

    /// Quoted where a reader would take it for something else than a text.
    private static func scalar(_ text: String) -> String {
        guard !text.isEmpty else { return "''" }
        guard !text.contains(where: \.isNewline) else {
            var writer = text.replacingOccurrences(of: "\\", with: "\\\\")
            writer = writer.replacingOccurrences(of: "\"", with: "\\\"").replacingOccurrences(of: "\n", with: "\\n")
            return "\"\(writer.replacingOccurrences(of: "\r", with: "\\r"))\""
        }
        let words: Set = ["null", "~", "true", "false", "yes", "no", "on", "off", "y", "n"]
        let isNumber =
            Double(text) != nil || Int(text, radix: 16) != nil && text.allSatisfy { $0.isNumber || $0 == "e" }
        let isSpecial =
            "-?:,[]{}#&*!|>'\"%@`".contains(text.first ?? " ") || text.contains(": ")
            || text.contains(" #") || text.hasSuffix(":") || text.first == " " || text.last == " "
        guard isNumber || isSpecial || words.contains(text.lowercased()) else { return text }
        return "'" + text.replacingOccurrences(of: "'", with: "''") + "'"
    }
}
