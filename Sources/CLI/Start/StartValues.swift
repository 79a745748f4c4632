//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Foundation

/// Reads the values of `--resources` and `--labels`.
package enum StartValues {
    /// A JSON object of names and amounts; quotes left around it by a shell are ignored.
    ///
    /// - Throws: `UsageError` that names the entry that is wrong.
    package static func resources(_ text: String) throws(UsageError) -> [String: Double] {
        let example = #"give a JSON object of names and numbers, e.g. '{"licence": 2}'"#
        let amounts: [String: Amount]
        do {
            amounts = try JSONDecoder().decode([String: Amount].self, from: Data(unquoted(text).utf8))
        } catch DecodingError.typeMismatch(_, let context) where !context.codingPath.isEmpty {
            let name = context.codingPath.first?.stringValue ?? ""
            throw UsageError("the amount of '\(name)' in --resources is no number; \(example)")
        } catch {
            throw UsageError("--resources='\(text)' cannot be read; \(example)")
        }
        var result: [String: Double] = [:]
        for (name, amount) in amounts.sorted(by: { $0.key < $1.key }) {
            if let option = ownOptions[name] {
                throw UsageError("--resources cannot hold '\(name)'; use \(option) instead")
            }
            guard !name.isEmpty else { throw UsageError("--resources has an entry without a name; \(example)") }
            guard amount.value >= 0, amount.value.isFinite else {
                throw UsageError("the amount of '\(name)' in --resources is \(amount.value); it cannot be negative")
            }
            result[name] = amount.value
        }
        return result
    }

    /// Keys and values as Kubernetes writes them: `key=value,key=value`.
    ///
    /// - Throws: `UsageError` that names the label that is wrong.
    package static func labels(_ text: String) throws(UsageError) -> [String: String] {
        var result: [String: String] = [:]
        for part in unquoted(text).split(separator: ",", omittingEmptySubsequences: true) {
            let fields = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard fields.count == 2, isLabelKey(fields[0]), isLabelText(fields[1]) || fields[1].isEmpty else {
                throw UsageError(
                    "'\(part)' in --labels is no label; give KEY=VALUE,KEY=VALUE, "
                        + "each of at most 63 letters, digits, '-', '_' or '.', beginning and ending with a letter or digit"
                )
            }
            guard result.updateValue(String(fields[1]), forKey: String(fields[0])) == nil else {
                throw UsageError("--labels gives '\(fields[0])' twice; give it once")
            }
        }
        return result
    }

    private static let ownOptions = [
        "CPU": "--num-cpus", "GPU": "--num-gpus", "memory": "--memory", "object_store_memory": "--object-store-memory",
    ]

    private static func unquoted(_ text: String) -> Substring {
        var rest = text.drop(while: \.isWhitespace)
        while rest.last?.isWhitespace == true { rest.removeLast() }
        guard rest.count >= 2, let quote = rest.first, quote == "'" || quote == "\"", rest.last == quote else {
            return rest
        }
        return rest.dropFirst().dropLast()
    }

    private static func isLabelKey(_ key: Substring) -> Bool {
        let parts = key.split(separator: "/", omittingEmptySubsequences: false)
        switch parts.count {
        case 1: return isLabelText(parts[0])
        case 2: return isLabelText(parts[1]) && parts[0].utf8.count <= 253 && isLabelText(parts[0].prefix(63))
        default: return false
        }
    }

    private static func isLabelText(_ text: Substring) -> Bool {
        guard text.utf8.count <= 63, let first = text.utf8.first, let last = text.utf8.last else { return false }
        return isLetterOrDigit(first) && isLetterOrDigit(last)
            && text.utf8.allSatisfy { isLetterOrDigit($0) || "-_.".utf8.contains($0) }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default: false
        }
    }

    /// A number that is not a truth value.
    private struct Amount: Decodable {
        var value: Double

        init(from decoder: any Decoder) throws {
            value = try decoder.singleValueContainer().decode(Double.self)
        }
    }
}
