//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// What the labels of a node must be: all of its conditions hold.
package struct LabelSelector: Hashable, Sendable, CustomStringConvertible {
    /// A condition on the label of one key.
    ///
    /// As in Ray a node without that label fulfils only the negated ones.
    package struct Condition: Hashable, Sendable {
        package var key: String
        /// The label must be, or must not be, one of these; without any, it must be there, or not be there.
        package var values: [String]
        package var isNegated: Bool

        package init(key: String, values: [String], isNegated: Bool) {
            self.key = key
            self.values = values
            self.isNegated = isNegated
        }

        /// Whether a node with these labels satisfies the condition.
        package func holds(for labels: [String: String]) -> Bool {
            let isAmong = labels[key].map { values.isEmpty || values.contains($0) } ?? false
            return isAmong != isNegated
        }
    }

    /// In order of their keys, so that equal selectors are equal.
    package private(set) var conditions: [Condition]

    /// Longest value and longest name of a key.
    package static let valueCharactersMax = 63
    /// Longest prefix of a key, before the slash.
    package static let prefixCharactersMax = 253
    /// Most conditions of one selector, and most values of one condition.
    package static let countMax = 64

    package init(_ conditions: [Condition] = []) { self.conditions = conditions.sorted { $0.key < $1.key } }

    /// Reads Ray's notation: `v`, `!v`, `in(a,b)`, `!in(a,b)` by key.
    ///
    /// - Throws: `invalidArgument` that names the key or value that cannot be read.
    package init(parsing texts: [String: String]) throws(RayError) {
        var conditions: [Condition] = []
        for (key, text) in texts.sorted(by: { $0.key < $1.key }) {
            if let flaw = Self.flaw(ofKey: key) { throw RayError(.invalidArgument, flaw) }
            conditions.append(try Self.condition(key, text))
        }
        guard conditions.count <= Self.countMax else {
            throw RayError(.invalidArgument, "a label selector has at most \(Self.countMax) keys")
        }
        self.init(conditions)
    }

    package var isEmpty: Bool { conditions.isEmpty }

    package func matches(_ labels: [String: String]) -> Bool { conditions.allSatisfy { $0.holds(for: labels) } }

    /// "region=eu, zone=!in(a,b), !spot".
    package var description: String {
        conditions.map { condition in
            let sign = condition.isNegated ? "!" : ""
            guard !condition.values.isEmpty else { return sign + condition.key }
            guard condition.values.count == 1 else {
                return "\(condition.key)=\(sign)in(\(condition.values.joined(separator: ",")))"
            }
            return "\(condition.key)=\(sign)\(condition.values[0])"
        }.joined(separator: ", ")
    }

    /// What is wrong with the key of a label; nothing if it is sound.
    package static func flaw(ofKey key: String) -> String? {
        let parts = key.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let name = parts.last ?? ""
        guard !name.isEmpty, isSound(name, max: valueCharactersMax) else {
            return "'\(key)' is no key of a label: its name has 1 to \(valueCharactersMax) letters, digits, "
                + "'-', '_' and '.', and begins and ends with a letter or digit"
        }
        guard parts.count == 1 || !parts[0].isEmpty && isSound(parts[0], max: prefixCharactersMax) else {
            return "'\(key)' is no key of a label: before the '/' stands a domain of at most "
                + "\(prefixCharactersMax) characters"
        }
        return nil
    }

    /// Whether `value` can be the value of a label.
    package static func isSound(value: some StringProtocol) -> Bool {
        value.isEmpty || isSound(value, max: valueCharactersMax)
    }

    private static func condition(_ key: String, _ text: String) throws(RayError) -> Condition {
        let isNegated = text.hasPrefix("!")
        let rest = isNegated ? text.dropFirst() : text[...]
        var values = [String(rest)]
        if rest.hasPrefix("in("), rest.hasSuffix(")") {
            values = rest.dropFirst(3).dropLast().split(separator: ",", omittingEmptySubsequences: false)
                .map { $0.filter { $0 != " " } }
        }
        guard !values.isEmpty, values.count <= countMax, values.allSatisfy({ !$0.isEmpty && isSound(value: $0) })
        else {
            throw RayError(
                .invalidArgument,
                "'\(text)' is no selector for the label '\(key)'; give VALUE, !VALUE, in(A,B) or !in(A,B) with values "
                    + "of at most \(valueCharactersMax) letters, digits, '-', '_' and '.'")
        }
        return Condition(key: key, values: values, isNegated: isNegated)
    }

    private static func isSound(_ text: some StringProtocol, max: Int) -> Bool {
        let bytes = Array(text.utf8)
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
        }
        guard let first = bytes.first, let last = bytes.last, bytes.count <= max else { return false }
        let others: [UInt8] = [UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ".")]
        return isAlphanumeric(first) && isAlphanumeric(last)
            && bytes.allSatisfy { isAlphanumeric($0) || others.contains($0) }
    }
}
