//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// Writes JSON text, piece by piece; commas are put where they belong.
package struct JSONWriter {
    package private(set) var text = ""
    private var needsComma = false

    package init() {}

    /// `[`, what `body` writes, `]`.
    package mutating func array(_ body: (inout JSONWriter) -> Void) { nest("[", "]", body) }

    /// `{`, what `body` writes with `key`, `}`.
    package mutating func object(_ body: (inout JSONWriter) -> Void) { nest("{", "}", body) }

    /// A key of an object; its value follows.
    package mutating func key(_ name: String) {
        separate()
        writeEscaped(name)
        text += ": "
        needsComma = false
    }

    package mutating func value(_ value: String) { write { $0.writeEscaped(value) } }
    package mutating func value(_ value: Int) { write { $0.text += String(value) } }
    package mutating func value(_ value: Bool) { write { $0.text += value ? "true" : "false" } }
    package mutating func null() { write { $0.text += "null" } }

    /// A number; null where JSON has none.
    package mutating func value(_ value: Double) {
        write { $0.text += value.isFinite ? "\(value)" : "null" }
    }

    /// Thousandths as a number with a point, without rounding: nanoseconds as microseconds.
    package mutating func value(thousandths: UInt64) {
        write { writer in
            let rest = String(thousandths % 1_000)
            writer.text += "\(thousandths / 1_000)." + String(repeating: "0", count: 3 - rest.count) + rest
        }
    }

    private mutating func nest(_ open: String, _ close: String, _ body: (inout JSONWriter) -> Void) {
        begin(open)
        body(&self)
        end(close)
    }

    /// Opens an array or object that `end` closes.
    mutating func begin(_ bracket: String) {
        separate()
        text += bracket
    }

    mutating func end(_ bracket: String) {
        text += bracket
        needsComma = true
    }

    private mutating func write(_ body: (inout JSONWriter) -> Void) {
        separate()
        body(&self)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { text += ", " }
        needsComma = false
    }

    private mutating func writeEscaped(_ value: String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
