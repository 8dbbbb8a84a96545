// A file system that is on no disk: a folder with one spec.
const vscode = require('vscode');

const files = { '/family.winnow.json': '{"method": "plrd"}\n' };

exports.activate = (context) => {
  const changed = new vscode.EventEmitter();
  const denied = (uri) => {
    throw vscode.FileSystemError.NoPermissions(uri);
  };
  const provider = {
    onDidChangeFile: changed.event,
    watch: () => new vscode.Disposable(() => undefined),
    stat(uri) {
      const times = { ctime: 0, mtime: 0 };
      if (uri.path === '/') return { type: vscode.FileType.Directory, size: 0, ...times };
      if (uri.path in files) return { type: vscode.FileType.File, size: files[uri.path].length, ...times };
      throw vscode.FileSystemError.FileNotFound(uri);
    },
    readDirectory: () => Object.keys(files).map((name) => [name.slice(1), vscode.FileType.File]),
    readFile(uri) {
      if (uri.path in files) return Buffer.from(files[uri.path]);
      throw vscode.FileSystemError.FileNotFound(uri);
    },
    createDirectory: denied,
    writeFile: denied,
    delete: denied,
    rename: denied,
  };
  context.subscriptions.push(vscode.workspace.registerFileSystemProvider('memory', provider, { isReadonly: true }));
};
