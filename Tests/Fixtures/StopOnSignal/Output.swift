// Lines that leave at once: who reads them waits for each.

import Foundation

func say(_ text: some CustomStringConvertible) {
    FileHandle.standardOutput.write(Data("\(text)\n".utf8))
}
