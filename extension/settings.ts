import * as vscode from 'vscode';
import { SETTINGS, type SettingName, type Settings } from './registry';

/** The value of `winnow.<name>`, for a folder where settings differ by folder. */
export function setting<Name extends SettingName>(name: Name, scope?: vscode.Uri): Settings[Name] {
  return vscode.workspace.getConfiguration('winnow', scope).get(name, SETTINGS[name]);
}
