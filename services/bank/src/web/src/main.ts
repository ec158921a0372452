import { provideHttpClient } from '@angular/common/http';
import { bootstrapApplication } from '@angular/platform-browser';
import { provideRouter, withComponentInputBinding } from '@angular/router';

import { AccountPage } from './app/account-page';
import { AccountsPage } from './app/accounts-page';
import { App } from './app/app';
import { OpenPage } from './app/open-page';
import { TransferPage } from './app/transfer-page';

const routes = [
  { path: '', title: 'Bank: accounts', component: AccountsPage },
  { path: 'open', title: 'Bank: open an account', component: OpenPage },
  { path: 'transfer', title: 'Bank: transfer money', component: TransferPage },
  { path: 'accounts/:id', title: 'Bank: account', component: AccountPage },
  { path: '**', redirectTo: '' },
];

bootstrapApplication(App, {
  providers: [provideHttpClient(), provideRouter(routes, withComponentInputBinding())],
}).catch((error: unknown) => console.error(error));
