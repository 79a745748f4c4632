//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem

/// The NVIDIA GPUs of a machine.
package struct NVIDIADevices: Hashable, Sendable {
    package var count: Int
    /// What Ray calls the first one's model, `T4` for instance; nothing if it is not known.
    package var acceleratorType: String?

    package init(count: Int, acceleratorType: String? = nil) {
        self.count = count
        self.acceleratorType = acceleratorType
    }

    /// Asks the management library, else looks at the driver's files.
    ///
    /// `/proc` is not a container's own: it lists all GPUs of the machine also where none was given to the container.
    /// So a GPU counts if there is a device for it, and `/proc` only says what it is.
    package static func detect(in tree: DeviceTree) -> NVIDIADevices {
        var name = [CChar](repeating: 0, count: 128)
        let count = ray_nvml_read(tree.managementLibrary, &name, name.count)
        if count >= 0 {
            let bytes = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            return NVIDIADevices(
                count: Int(count), acceleratorType: acceleratorType(ofModel: String(decoding: bytes, as: UTF8.self)))
        }
        let devices = Set(tree.names("/dev").compactMap { $0.hasPrefix("nvidia") ? Int($0.dropFirst(6)) : nil })
        let folder = "/proc/driver/nvidia/gpus"
        let models = tree.names(folder).compactMap { model(in: tree.text("\(folder)/\($0)/information") ?? "") }
        let first = models.filter { devices.contains($0.device) }.min { $0.device < $1.device }
        return NVIDIADevices(count: devices.count, acceleratorType: first.flatMap { acceleratorType(ofModel: $0.name) })
    }

    /// Reads `Model: …` and `Device Minor: …`.
    private static func model(in text: String) -> (device: Int, name: String)? {
        var fields: [Substring: String] = [:]
        for line in text.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields[line[..<colon].trimmed] = String(line[line.index(after: colon)...].trimmed)
        }
        guard let device = fields["Device Minor"].flatMap({ Int($0) }), let name = fields["Model"] else { return nil }
        return (device, name)
    }

    /// Ray's name for a model: after the maker's name the words in capitals up to the first with a digit, joined by
    /// `-`, `NVIDIA RTX PRO 6000 Blackwell` being `RTX-PRO-6000`; else all that follows the maker's name.
    package static func acceleratorType(ofModel model: String) -> String? {
        let words = model.split(separator: " ")
        var taken: [Substring] = []
        for word in words.dropFirst() {
            let capitals = word.prefix { $0.isASCII && ($0.isUppercase || $0.isNumber) }
            if capitals.contains(where: \.isNumber) {
                taken.append(capitals)
                let name = taken.joined(separator: "-")
                if name.count > 1, words[0].allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }) { return name }
                break
            }
            guard capitals == word else { break }
            taken.append(word)
        }
        let rest = words.first == "NVIDIA" && words.count > 1 ? words.dropFirst() : words[...]
        return rest.isEmpty ? nil : rest.joined(separator: "-")
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        guard let end = lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return self[...end].drop(while: \.isWhitespace)
    }
}
